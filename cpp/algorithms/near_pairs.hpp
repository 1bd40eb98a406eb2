// All pairs of rows within a threshold, for any subsets of rows. Most pairs are ruled out by the
// products of their 8-bit forms; what is left is computed in float32, and is the same to the bit as if
// all were.
//
// Memory: the pairs found, and less than 4 MiB per thread at 512 + 512 dimensions. The bits do not
// depend on `threads` (0 = one per core). Advances a watch by the pairs compared, about.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/quantised.hpp"
#include "core/kernels.hpp"

namespace fastface {

// The pairs of `members`, indices of rows, with D <= threshold. Edge.i is the member that is listed
// first; sorted by the places of i and then of j in the list.
std::vector<Edge> near_pairs(const ComparableRows& rows, std::span<const std::int32_t> members,
                             float threshold, std::size_t threads);

// The pairs of a row of `a`, listed in `left`, and one of `b`, listed in `right`: Edge.i is the index
// in `a`, Edge.j that in `b`; sorted by their places in the lists. Both have the same dimensions and
// the rule of `a` holds.
std::vector<Edge> near_pairs(const ComparableRows& a, std::span<const std::int32_t> left,
                             const ComparableRows& b, std::span<const std::int32_t> right, float threshold,
                             std::size_t threads);

// The same two, of which a list follows the other, as they were found.
std::vector<std::vector<Edge>> near_pairs_by_block(const ComparableRows& rows,
                                                   std::span<const std::int32_t> members, float threshold,
                                                   std::size_t threads);
std::vector<std::vector<Edge>> near_pairs_by_block(const ComparableRows& a,
                                                   std::span<const std::int32_t> left,
                                                   const ComparableRows& b,
                                                   std::span<const std::int32_t> right, float threshold,
                                                   std::size_t threads);

// Of the pairs of each member and those listed after it the `most` nearest, by (d, j); in the order of
// near_pairs(). Memory: of a block of rows twice as many, and of all so many. Faces alone.
std::vector<Edge> nearest_pairs(const ComparableRows& rows, std::span<const std::int32_t> members,
                                float threshold, std::size_t most, std::size_t threads);
// The same across lists, of each row of `a`.
std::vector<Edge> nearest_pairs(const ComparableRows& a, std::span<const std::int32_t> left,
                                const ComparableRows& b, std::span<const std::int32_t> right, float threshold,
                                std::size_t most, std::size_t threads);

// Adds to counts[row], for each of `members`, the number of others within the threshold. The pairs are
// not kept: memory does not grow with them.
void count_near_pairs(const ComparableRows& rows, std::span<const std::int32_t> members, float threshold,
                      std::span<std::atomic<std::int64_t>> counts, std::size_t threads);

}  // namespace fastface
