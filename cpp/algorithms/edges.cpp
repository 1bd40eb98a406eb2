#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "algorithms/distances.hpp"
#include "algorithms/sides.hpp"
#include "core/kernels.hpp"
#include "core/parallel.hpp"

namespace fastface {

namespace {

using EdgeList = std::vector<Edge>;

// Edges among `members`, one list per block of left rows. Members rise, so edges have i < j.
std::vector<EdgeList> edges_among(std::span<const std::int32_t> members, const Observations& observations,
                                  float threshold, std::size_t threads) {
  const Kernels& kernel = kernels();
  const Side left(observations, members, kernel.tile_rows, threads);
  const Side right(observations, members, kernel.tile_cols, threads);
  const std::size_t step = left.step();
  std::vector<EdgeList> blocks((left.panels() + step - 1) / step);
  const auto search_block = [&](std::size_t begin, std::size_t end) {
    const PackedRows rows = left.view(begin, end);
    EdgeList& block = blocks[begin / step];
    EdgeList strip(rows.count * kernel.tile_cols);
    for (std::size_t panel = rows.first / kernel.tile_cols; panel < right.panels(); ++panel) {
      const std::size_t count =
          kernel.strip_edges(rows, right.view(panel, panel + 1), observations.rule, threshold, strip.data());
      for (const Edge& edge : std::span(strip).first(count))
        block.push_back(
            {members[static_cast<std::size_t>(edge.i)], members[static_cast<std::size_t>(edge.j)], edge.d});
    }
  };
  parallel_for(left.panels(), step, threads, search_block);
  return blocks;
}

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
  std::span<const std::int32_t> members(std::size_t group) const {
    return std::span(order).subspan(bounds[group], bounds[group + 1] - bounds[group]);
  }
};

// Many small groups share the threads among them; a large group has them all to itself.
std::vector<EdgeList> edges_within_groups(const Grouping& groups, const Observations& observations,
                                          float threshold, std::size_t threads) {
  constexpr std::size_t kLargeGroup = 1024;
  constexpr std::size_t kGroupsPerPiece = 16;
  std::vector<EdgeList> lists((groups.size() + kGroupsPerPiece - 1) / kGroupsPerPiece);
  parallel_for(groups.size(), kGroupsPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    EdgeList& list = lists[begin / kGroupsPerPiece];
    for (std::size_t group = begin; group < end; ++group) {
      const auto members = groups.members(group);
      if (members.size() < 2 || members.size() > kLargeGroup) continue;
      for (const EdgeList& block : edges_among(members, observations, threshold, 1))
        list.insert(list.end(), block.begin(), block.end());
    }
  });
  for (std::size_t group = 0; group < groups.size(); ++group)
    if (groups.members(group).size() > kLargeGroup)
      for (EdgeList& block : edges_among(groups.members(group), observations, threshold, threads))
        lists.push_back(std::move(block));
  return lists;
}

}  // namespace

Edges pairwise_edges(MatrixView<const float> faces, MatrixView<const float> torsos,
                     std::span<const std::int64_t> groups, float threshold, FusedWeights weights,
                     std::size_t threads) {
  if (!std::isfinite(threshold))
    throw std::invalid_argument("threshold: expected a finite number, got " + std::to_string(threshold));
  const bool grouped = !groups.empty();
  const Observations observations(faces, torsos, weights, grouped, threads);
  std::vector<EdgeList> lists = grouped
                                    ? edges_within_groups(Grouping(groups), observations, threshold, threads)
                                    : edges_among(all_rows(faces.rows), observations, threshold, threads);
  return sorted(lists, faces.rows);
}

}  // namespace fastface
