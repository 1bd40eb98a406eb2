// The bounded mode of the median linkage, from rows to what linkage.hpp needs.
//
// Rows are visited in a random order (a seeded hash of the index). The first `first_sample` of those
// that are free are clustered exactly; every cluster of at least eight there is a crowd, and up to
// `max_members` of its members are its voters. A free row joins the crowd whose voters are nearest by
// their median, if that is within the threshold and no smaller cluster of the sample, of four or more,
// is nearer. Then the same with twice the sample, until it is half of the free rows. What is left are
// rows whose person has few photos, or that resemble nobody: they are linked exactly, among themselves
// and with the voters. So the pairs within crowds, nearly all that there are, are never made. Of more
// than 16 * first_sample rows, in a sample or at the end, only those that share a cell are compared
// (cells.hpp).
//
// Cost: two rows are compared where both are free at the end or in one sample, and a row with the mean
// of each crowd found while it is free, in 8 bits (voters.hpp), and then with the voters of four of them at
// most. Among m rows that is m * m / 2 pairs up to 16 * first_sample, and beyond them m times 1.5 * m / 16
// centres, 12,288 at most, and 4 * 256 rows at worst. Merging two crowds costs max_members ** 2 votes at
// most. Rows of more than 32,768 dimensions have no 8-bit form: there are no crowds, and m * m / 2 pairs.
//
// Memory: a byte per value of the faces and about 100 bytes a row, 9 bytes per value of the crowds'
// means, and 12 bytes per edge: of more than 2 * first_sample rows each keeps the 4 * max_members
// nearest of those visited before it, and each hears at most as many of the crowds' voters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/distances.hpp"
#include "core/kernels.hpp"
#include "core/rows.hpp"

namespace fastface {

struct CrowdProblem {
  RowsView faces;                             // unit rows; rows of zeros have no edges
  std::span<const std::int64_t> groups = {};  // one id per row: edges stay within a group; or empty
  // One id per row, or empty: rows of one id are in one cluster whatever their distances, and where
  // crowds are looked for the first that is visited stands for them. The caller links them.
  std::span<const std::int64_t> together = {};
  std::span<const std::uint8_t> apart = {};  // rows that no crowd may take in, with all of their id; or empty
  float threshold = 0;                       // of the edges
  float crowd_threshold = 0;                 // up to which crowds form and rows join them
  std::size_t max_members = 1;
  std::size_t first_sample = 2048;  // at least 1; fewer than twice as many rows are all linked exactly
  std::uint64_t seed = 0;
  std::size_t threads = 0;
};

struct CrowdEdges {
  Edges edges;                       // between voters, sorted by (i, j)
  std::vector<std::uint8_t> voters;  // n flags: who is free, and the voters of crowds
  std::vector<Edge> joined;          // a tree for each crowd, with the heights at which its members joined
};

// Throws std::invalid_argument as pairwise_edges() does. The bits do not depend on `threads`.
CrowdEdges crowd_edges(const CrowdProblem& problem);

}  // namespace fastface
