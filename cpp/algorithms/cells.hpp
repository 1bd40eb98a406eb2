// The near pairs among many rows of which few are near each other, without comparing all.
//
// A row looks into the cells of the kProbes centres that are nearest to it (centres.hpp), lies in the
// first of them that has room, and is compared with the rows that lie in those that it looks into. There is
// a centre for every kRowsPerCell rows, kMostCells at most: the rows listed first, then the directions of
// the means of what is nearest to those of the first kRowsToMove a centre, one step of spherical k-means
// (Dhillon and Modha, 2001). Without that step half of what is found would be missed; by all rows instead
// of half of them it is no better (BCubed F of 400,000 hard512 .9596 against .9609).
//
// What is lost: of the pairs of one person among 17,000 rows in no crowd 5 % are not found for arc512
// of bench/face_mixtures.py and 30 % for hard512, whose people are loose; of the pairs of strangers that
// are within the threshold by chance a half to four in five. The second helps more than the first harms:
// BCubed F of a million arc512 is .9897 (all pairs: .9867). So cells are better small: fewer of them, of
// which more are looked into, find as many pairs of one person and many more of strangers.
//
// Cost: a row is compared with each centre, the first ones twice, in 8 bits, and with kProbes * kMostOfCell
// rows at most. Memory: 5 bytes per value of the centres, 8 * kProbes bytes a row, and 12 bytes per pair
// held: those of kCellsAtOnce cells, and at most three times those that are kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/quantised.hpp"
#include "core/kernels.hpp"

namespace fastface {

inline constexpr std::size_t kRowsPerCell = 16;
inline constexpr std::size_t kMostCells = 8192;
inline constexpr std::size_t kRowsToMove = 8;
inline constexpr std::size_t kProbes = 4;
inline constexpr std::size_t kMostOfCell = 256;
inline constexpr std::size_t kCellsAtOnce = 256;

// The pairs of `members`, all present, of which one looks into the other's cell and that are within the
// threshold: for each row the `most` nearest of those listed before it. Edge.i is listed later; sorted by
// (i, d, j). The bits do not depend on `threads`.
// quantised: all rows' faces, which are compared in float32 only on some targets.
std::vector<Edge> cell_pairs(const ComparableRows& rows, const QuantisedRows& quantised,
                             std::span<const std::int32_t> members, float threshold, std::size_t most,
                             std::size_t threads);

}  // namespace fastface
