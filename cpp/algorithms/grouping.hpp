// Rows by group, and how groups share the threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/parallel.hpp"

namespace fastface {

// Rows sorted by group, rising within each, and where each group begins.
class Grouping {
 public:
  // One id per row.
  explicit Grouping(std::span<const std::int64_t> groups);

  std::size_t size() const { return bounds_.size() - 1; }
  std::span<const std::int32_t> members(std::size_t group) const {
    return std::span(order_).subspan(bounds_[group], bounds_[group + 1] - bounds_[group]);
  }
  // Pairs within groups, about.
  std::uint64_t n_pairs() const;

  static constexpr std::size_t kGroupsPerPiece = 16;
  std::size_t pieces() const { return (size() + kGroupsPerPiece - 1) / kGroupsPerPiece; }

  // visit(piece, members, threads) for each group of two or more. Many small groups share the threads
  // among them, a large group has them all to itself, afterwards; a piece is visited by one thread.
  template <class Visit>
  void visit_each(std::size_t threads, Visit visit) const {
    constexpr std::size_t kLarge = 1024;
    parallel_for(size(), kGroupsPerPiece, threads, [&](std::size_t begin, std::size_t end) {
      for (std::size_t group = begin; group < end; ++group)
        if (members(group).size() >= 2 && members(group).size() <= kLarge)
          visit(begin / kGroupsPerPiece, members(group), std::size_t{1});
    });
    for (std::size_t group = 0; group < size(); ++group)
      if (members(group).size() > kLarge) visit(group / kGroupsPerPiece, members(group), threads);
  }

 private:
  std::vector<std::int32_t> order_;
  std::vector<std::size_t> bounds_{0};
};

}  // namespace fastface
