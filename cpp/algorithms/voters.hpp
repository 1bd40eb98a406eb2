// Some clusters' voters, and the distances of rows to those of the clusters that are near on average.
//
// The mean of a row's distances to a cluster's voters is its distance to their mean, one comparison
// instead of as many as there are voters, and in 8 bits (centres.hpp), for which of several near ones is
// nearest matters little. A cluster is looked at more closely if its mean is within the threshold and
// kSlack, for the median lies close to it, and if only kLooks - 1 have a smaller one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/centres.hpp"
#include "algorithms/near_pairs.hpp"
#include "algorithms/quantised.hpp"
#include "core/kernels.hpp"
#include "core/parallel.hpp"

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
  // What some of the rows that look at a cluster heard: (row, voter) by the places of both in their lists.
  struct Heard {
    std::size_t cluster;
    std::vector<Edge> edges;
  };

  static constexpr std::size_t kLooks = 4;
  static constexpr float kSlack = 0.05f;

  // quantised: all rows' faces.
  VotersNearby(const ComparableRows& rows, const QuantisedRows& quantised, const Voters& voters,
               std::size_t threads);

  // The pairs of listed rows and voters within the threshold, cluster by cluster.
  // before: for each of the list, only the clusters before this one are looked at; or empty.
  // reduce(cluster, edges): what to make of them at once, on any thread.
  template <class Reduce>
  std::vector<Heard> heard(std::span<const std::int32_t> listed, float threshold,
                           std::span<const std::int32_t> before, std::size_t threads, Reduce reduce) const {
    const Looks looks = look(listed, threshold, before, threads);
    std::vector<Heard> heard(looks.pieces.size());
    parallel_for(heard.size(), 1, threads, [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k) {
        const auto [cluster, first, last] = looks.pieces[k];
        heard[k] = {cluster, near_pairs(rows_, std::span(looks.rows).subspan(first, last - first), rows_,
                                        voters_.of(cluster), threshold, 1)};
        reduce(cluster, heard[k].edges);
      }
    });
    return heard;
  }

 private:
  // Which rows look at which cluster.
  struct Looks {
    struct Piece {
      std::size_t cluster, first, last;  // in rows
    };
    std::vector<std::int32_t> rows;  // cluster by cluster, in the list's order
    std::vector<Piece> pieces;
  };

  Looks look(std::span<const std::int32_t> listed, float threshold, std::span<const std::int32_t> before,
             std::size_t threads) const;

  const ComparableRows& rows_;
  const QuantisedRows& quantised_;
  const Voters& voters_;
  Centres means_;
};

}  // namespace fastface
