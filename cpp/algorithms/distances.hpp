// Fused distances of faces and torsos: the whole matrix, the pairs within a threshold, their number per
// row, or the k nearest. Only the first ever makes an n x n matrix.
//
//   F = max(0, 1 - <f_i, f_j>)    T = max(0, 1 - <t_i, t_j>)    D = min(F, alpha * F + beta * T)
//
// A row of zeros, or of NaN, is a missing face or torso. A torso missing on either side: D = F. A
// face missing on either side: D = beta * T if groups are given and both rows are in one group,
// else infinite. Faces and torsos missing: infinite. Rows are taken to be of unit norm; that is not
// checked. Narrow rows are widened where they are used, by blocks: never as a whole.
//
// All throw std::invalid_argument, naming the argument, on other NaN, infinities and values whose
// products would overflow. `threads` 0 means one per core; the bits do not depend on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/buffer.hpp"
#include "core/rows.hpp"
#include "core/view.hpp"

namespace fastface {

// Whether comparisons go through rows quantised to 8 bits: `automatic` where that pays on this target.
// The results are the same to the bit.
enum class Quantise { automatic, always, never };

struct FusedWeights {
  float alpha = 1;
  float beta = 1;
};

// Pairs sorted by (i, j); i < j within one set of rows.
struct Edges {
  RawVector<std::int32_t> i;
  RawVector<std::int32_t> j;
  RawVector<float> d;
};

// Every pair with D <= threshold. With `groups` (one id per row; empty = none) only pairs within a
// group are looked at, and the cost is the sum of the squares of the groups' sizes. Memory is linear
// in rows and edges. `torsos` may be absent.
Edges pairwise_edges(RowsView faces, RowsView torsos, std::span<const std::int64_t> groups, float threshold,
                     FusedWeights weights, std::size_t threads, Quantise quantise = Quantise::automatic);

// How many other rows each row has within the threshold: what pairwise_edges() finds, counted in memory
// that does not grow with the pairs.
std::vector<std::int64_t> neighbour_counts(RowsView faces, RowsView torsos,
                                           std::span<const std::int64_t> groups, float threshold,
                                           FusedWeights weights, std::size_t threads,
                                           Quantise quantise = Quantise::automatic);

// Every pair of a row i of `left` and a row j of `right` with D = F <= threshold, sorted by (i, j).
Edges edges_between(RowsView left, RowsView right, float threshold, std::size_t threads);

// out (n, n), symmetric. The diagonal is 0 where there is a face, else infinite.
void fused_distances(RowsView faces, RowsView torsos, FusedWeights weights, MatrixView<float> out,
                     std::size_t threads);

// The k gallery rows nearest to each query by D = F, ordered by (distance, index). Both outputs are
// (queries.rows, k), 1 <= k <= gallery.rows.
void nearest(RowsView queries, RowsView gallery, MatrixView<std::int64_t> indices,
             MatrixView<float> distances, std::size_t threads, Quantise quantise = Quantise::automatic);

}  // namespace fastface
