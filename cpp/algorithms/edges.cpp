#include <atomic>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "algorithms/distances.hpp"
#include "algorithms/grouping.hpp"
#include "algorithms/near_pairs.hpp"
#include "algorithms/sides.hpp"
#include "core/watch.hpp"

namespace fastface {

namespace {

using EdgeList = std::vector<Edge>;

void require_finite(float threshold) {
  if (!std::isfinite(threshold))
    throw std::invalid_argument("threshold: expected a finite number, got " + std::to_string(threshold));
}

// A counting sort by i. All edges of one i are in one list, by rising j.
Edges sorted(std::vector<EdgeList>& lists, std::size_t rows) {
  std::vector<std::size_t> position(rows + 1);
  Breath breath;
  for (const EdgeList& list : lists)
    for (const Edge& edge : list) {
      ++position[static_cast<std::size_t>(edge.i) + 1];
      breath();
    }
  std::partial_sum(position.begin(), position.end(), position.begin());
  Edges edges;
  edges.i.resize(position[rows]);
  edges.j.resize(position[rows]);
  edges.d.resize(position[rows]);
  for (EdgeList& list : lists) {
    for (const Edge& edge : list) {
      const std::size_t at = position[static_cast<std::size_t>(edge.i)]++;
      edges.i[at] = edge.i;
      edges.j[at] = edge.j;
      edges.d[at] = edge.d;
      breath();
    }
    EdgeList().swap(list);
  }
  return edges;
}

}  // namespace

Edges edges_between(RowsView left, RowsView right, float threshold, std::size_t threads) {
  require_finite(threshold);
  const ComparableRows left_rows(left, "left", threads), right_rows(right, "right", threads);
  const Stage stage(left.rows * right.rows);
  std::vector<EdgeList> lists{
      near_pairs(left_rows, all_rows(left.rows), right_rows, all_rows(right.rows), threshold, threads)};
  return sorted(lists, left.rows);
}

Edges pairwise_edges(RowsView faces, RowsView torsos, std::span<const std::int64_t> groups, float threshold,
                     FusedWeights weights, std::size_t threads, Quantise quantise) {
  require_finite(threshold);
  const bool grouped = !groups.empty();
  const ComparableRows rows(Observations(faces, torsos, weights, grouped, threads), quantise, threads);
  std::vector<EdgeList> lists;
  if (grouped) {
    const Grouping grouping(groups);
    const Stage stage(grouping.n_pairs());
    lists.resize(grouping.pieces());
    grouping.visit_each(threads,
                        [&](std::size_t piece, std::span<const std::int32_t> members, std::size_t n_threads) {
                          const EdgeList found = near_pairs(rows, members, threshold, n_threads);
                          lists[piece].insert(lists[piece].end(), found.begin(), found.end());
                        });
  } else {
    const Stage stage(faces.rows * faces.rows / 2);
    lists.push_back(near_pairs(rows, all_rows(faces.rows), threshold, threads));
  }
  return sorted(lists, faces.rows);
}

std::vector<std::int64_t> neighbour_counts(RowsView faces, RowsView torsos,
                                           std::span<const std::int64_t> groups, float threshold,
                                           FusedWeights weights, std::size_t threads, Quantise quantise) {
  require_finite(threshold);
  const bool grouped = !groups.empty();
  const ComparableRows rows(Observations(faces, torsos, weights, grouped, threads), quantise, threads);
  std::vector<std::atomic<std::int64_t>> counts(faces.rows);
  if (grouped) {
    const Grouping grouping(groups);
    const Stage stage(grouping.n_pairs());
    grouping.visit_each(threads,
                        [&](std::size_t, std::span<const std::int32_t> members, std::size_t n_threads) {
                          count_near_pairs(rows, members, threshold, counts, n_threads);
                        });
  } else {
    const Stage stage(faces.rows * faces.rows / 2);
    count_near_pairs(rows, all_rows(faces.rows), threshold, counts, threads);
  }
  return {counts.begin(), counts.end()};
}

}  // namespace fastface
