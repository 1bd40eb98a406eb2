// The near pairs among many rows of which few are near each other, without comparing all.
//
// A row lies in the cell of the centre that is nearest to it, and is compared with the rows of the
// kProbes cells whose centres are nearest. There is a centre for every kRowsPerCell rows, kMostCells at
// most: the rows listed first, then the directions of the means of what is nearest to those, one step of
// spherical k-means (Dhillon and Modha, 2001). Without that step half of what is found would be missed.
//
// What is lost: of the pairs of one person among 30,000 rows in no crowd 6 % are not found for arc512
// of bench/face_mixtures.py, 15 % for dlib128 and 30 % for hard512, whose people are loose, and of the
// pairs of strangers that are within the threshold by chance a half to four in five. The second
// helps more than the first harms: BCubed F of 200,000 faces is .9901 (all pairs: .9909), .9770 (.9766)
// and .9528 (.9526), of a million arc512 .9880 (.9867).
//
// Cost: a row is compared with each centre twice, and with kProbes * kMostOfCell rows at most: of a
// fuller cell the rows listed first are compared with all that look into it, the others not among
// themselves.
// Memory: 5 bytes per value of the centres, 64 bytes a row, and 12 bytes per pair held: those of
// kCellsAtOnce cells, and at most three times those that are kept.
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
inline constexpr std::size_t kProbes = 4;
inline constexpr std::size_t kMostOfCell = 1024;
inline constexpr std::size_t kCellsAtOnce = 256;

// The pairs of `members`, all present, of which one looks into the other's cell and that are within the
// threshold: for each row the `most` nearest of those listed before it. Edge.i is listed later; sorted
// by (i, d, j). The bits do not depend on `threads`.
std::vector<Edge> cell_pairs(const ComparableRows& rows, std::span<const std::int32_t> members,
                             float threshold, std::size_t most, std::size_t threads);

}  // namespace fastface
