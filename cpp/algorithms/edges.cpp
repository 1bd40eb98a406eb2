#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "algorithms/distances.hpp"
#include "algorithms/near_pairs.hpp"
#include "algorithms/sides.hpp"
#include "core/parallel.hpp"
#include "core/watch.hpp"

namespace fastface {

namespace {

using EdgeList = std::vector<Edge>;

// A counting sort by i. All edges of one i are in one list, by rising j.
Edges sorted(std::vector<EdgeList>& lists, std::size_t rows) {
  std::vector<std::size_t> position(rows + 1);
  for (const EdgeList& list : lists)
    for (const Edge& edge : list) ++position[static_cast<std::size_t>(edge.i) + 1];
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
    }
    EdgeList().swap(list);
  }
  return edges;
}

// Rows sorted by group, rising within each, and where each group begins.
struct Grouping {
  std::vector<std::int32_t> order;
  std::vector<std::size_t> bounds{0};

  explicit Grouping(std::span<const std::int64_t> groups) : order(all_rows(groups.size())) {
    const auto group = [&](std::int32_t row) { return groups[static_cast<std::size_t>(row)]; };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return group(a) < group(b); });
    for (std::size_t at = 1; at < order.size(); ++at)
      if (group(order[at]) != group(order[at - 1])) bounds.push_back(at);
    bounds.push_back(order.size());
  }

  std::size_t size() const { return bounds.size() - 1; }
  std::uint64_t n_pairs() const {
    std::uint64_t total = 0;
    for (std::size_t group = 0; group < size(); ++group)
      total += members(group).size() * members(group).size() / 2;
    return total;
  }
  std::span<const std::int32_t> members(std::size_t group) const {
    return std::span(order).subspan(bounds[group], bounds[group + 1] - bounds[group]);
  }
};

// Many small groups share the threads among them; a large group has them all to itself.
std::vector<EdgeList> edges_within_groups(const Grouping& groups, const ComparableRows& rows, float threshold,
                                          std::size_t threads) {
  constexpr std::size_t kLargeGroup = 1024;
  constexpr std::size_t kGroupsPerPiece = 16;
  std::vector<EdgeList> lists((groups.size() + kGroupsPerPiece - 1) / kGroupsPerPiece);
  parallel_for(groups.size(), kGroupsPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    EdgeList& list = lists[begin / kGroupsPerPiece];
    for (std::size_t group = begin; group < end; ++group) {
      const auto members = groups.members(group);
      if (members.size() < 2 || members.size() > kLargeGroup) continue;
      const EdgeList found = near_pairs(rows, members, threshold, 1);
      list.insert(list.end(), found.begin(), found.end());
    }
  });
  for (std::size_t group = 0; group < groups.size(); ++group)
    if (groups.members(group).size() > kLargeGroup)
      lists.push_back(near_pairs(rows, groups.members(group), threshold, threads));
  return lists;
}

}  // namespace

Edges pairwise_edges(MatrixView<const float> faces, MatrixView<const float> torsos,
                     std::span<const std::int64_t> groups, float threshold, FusedWeights weights,
                     std::size_t threads, Quantise quantise) {
  if (!std::isfinite(threshold))
    throw std::invalid_argument("threshold: expected a finite number, got " + std::to_string(threshold));
  const bool grouped = !groups.empty();
  const ComparableRows rows(Observations(faces, torsos, weights, grouped, threads), quantise, threads);
  std::vector<EdgeList> lists;
  if (grouped) {
    const Grouping grouping(groups);
    const Stage stage(grouping.n_pairs());
    lists = edges_within_groups(grouping, rows, threshold, threads);
  } else {
    const Stage stage(faces.rows * faces.rows / 2);
    lists.push_back(near_pairs(rows, all_rows(faces.rows), threshold, threads));
  }
  return sorted(lists, faces.rows);
}

}  // namespace fastface
