#include <atomic>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "algorithms/distances.hpp"
#include "algorithms/grouping.hpp"
#include "algorithms/near_pairs.hpp"
#include "algorithms/sides.hpp"
#include "core/parallel.hpp"
#include "core/watch.hpp"

namespace fastface {

namespace {

using EdgeList = std::vector<Edge>;

void require_finite(float threshold) {
  if (!std::isfinite(threshold))
    throw std::invalid_argument("threshold: expected a finite number, got " + std::to_string(threshold));
}

Edges room_for(std::size_t count) {
  return {RawVector<std::int32_t>(count), RawVector<std::int32_t>(count), RawVector<float>(count)};
}

void put(Edges& edges, std::size_t at, const Edge& edge) {
  edges.i[at] = edge.i;
  edges.j[at] = edge.j;
  edges.d[at] = edge.d;
}

// Lists that follow each other.
Edges joined(std::vector<EdgeList> lists, std::size_t threads) {
  std::vector<std::size_t> start{0};
  for (const EdgeList& list : lists) start.push_back(start.back() + list.size());
  Edges edges = room_for(start.back());
  parallel_for(lists.size(), 1, threads, [&](std::size_t first, std::size_t last) {
    for (std::size_t k = first; k < last; ++k) {
      for (std::size_t at = start[k]; const Edge& edge : lists[k]) put(edges, at++, edge);
      EdgeList().swap(lists[k]);
    }
  });
  return edges;
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
  Edges edges = room_for(position[rows]);
  for (EdgeList& list : lists) {
    for (const Edge& edge : list) {
      put(edges, position[static_cast<std::size_t>(edge.i)]++, edge);
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
  return joined(near_pairs_by_block(left_rows, all_rows(left.rows), right_rows, all_rows(right.rows),
                                    threshold, threads),
                threads);
}

Edges pairwise_edges(RowsView faces, RowsView torsos, std::span<const std::int64_t> groups, float threshold,
                     FusedWeights weights, std::size_t threads, Quantise quantise) {
  require_finite(threshold);
  const bool grouped = !groups.empty();
  const ComparableRows rows(Observations(faces, torsos, weights, grouped, threads), quantise, threads);
  if (!grouped) {
    const Stage stage(faces.rows * faces.rows / 2);
    return joined(near_pairs_by_block(rows, all_rows(faces.rows), threshold, threads), threads);
  }
  const Grouping grouping(groups);
  const Stage stage(grouping.n_pairs());
  std::vector<EdgeList> lists(grouping.pieces());
  grouping.visit_each(threads,
                      [&](std::size_t piece, std::span<const std::int32_t> members, std::size_t n_threads) {
                        const EdgeList found = near_pairs(rows, members, threshold, n_threads);
                        lists[piece].insert(lists[piece].end(), found.begin(), found.end());
                      });
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
