// Some clusters' voters, and the distances of rows to those of the clusters that are near on average.
//
// The mean of a row's distances to a cluster's voters is its distance to their mean, one comparison
// instead of as many as there are voters. A cluster is looked at more closely if its mean is within
// the threshold and kSlack, for the median lies close to it, and if only kLooks - 1 have a smaller one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/quantised.hpp"
#include "core/kernels.hpp"

namespace fastface {

class Voters {
 public:
  std::size_t size() const { return start_.size() - 1; }  // clusters
  std::span<const std::int32_t> all() const { return rows_; }
  std::span<const std::int32_t> of(std::size_t cluster) const {
    return std::span(rows_).subspan(start_[cluster], start_[cluster + 1] - start_[cluster]);
  }
  void add(std::span<const std::int32_t> voters);

 private:
  std::vector<std::int32_t> rows_;  // cluster by cluster
  std::vector<std::size_t> start_{0};
};

class VotersNearby {
 public:
  struct Heard {
    std::vector<std::vector<Edge>>
        from;             // at each cluster, (row, voter) by the places of both in their lists
    std::size_t n_pairs;  // held on the way, those with the means among them
  };

  static constexpr std::size_t kLooks = 4;
  static constexpr float kSlack = 0.1f;

  VotersNearby(const ComparableRows& rows, const Voters& voters, std::size_t threads);

  // The pairs of listed rows, each listed once, and voters within the threshold.
  // before: for each of the list, only the clusters before this one are asked; or empty.
  Heard heard(std::span<const std::int32_t> listed, float threshold, std::span<const std::int32_t> before,
              std::size_t threads) const;

 private:
  const ComparableRows& rows_;
  const Voters& voters_;
  std::vector<float> means_;
  ComparableRows clusters_;
};

}  // namespace fastface
