#include "algorithms/voters.hpp"

#include <algorithm>
#include <numeric>

#include "algorithms/visiting_order.hpp"

namespace fastface {

std::vector<std::uint8_t> choose_voters(std::size_t n, std::span<const Edge> edges, std::size_t max_members,
                                        std::uint64_t seed) {
  // Each edge is stored with its later end: the one that looks back at the other.
  const auto later_is_i = [&](const Edge& edge) { return visit_key(seed, edge.i) > visit_key(seed, edge.j); };
  std::vector<std::size_t> start(n + 1, 0);
  for (const Edge& edge : edges) ++start[(later_is_i(edge) ? edge.i : edge.j) + 1];
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<std::int32_t> earlier(edges.size());
  std::vector<std::size_t> fill(start.begin(), start.end() - 1);
  for (const Edge& edge : edges) {
    if (later_is_i(edge))
      earlier[fill[edge.i]++] = edge.j;
    else
      earlier[fill[edge.j]++] = edge.i;
  }
  std::vector<std::int32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  sort_by_visit(order, seed);
  std::vector<std::uint8_t> voters(n, 0);
  for (const std::int32_t i : order) {
    std::size_t n_voters = 0;
    for (std::size_t k = start[i]; k < start[i + 1]; ++k) n_voters += voters[earlier[k]];
    voters[i] = n_voters < max_members;
  }
  return voters;
}

void keep_heard(std::vector<Edge>& edges, std::span<const std::uint8_t> voters, std::size_t max_members) {
  std::erase_if(edges, [&](const Edge& edge) { return !voters[edge.i] && !voters[edge.j]; });
  // The edges of those who are no voters, by owner.
  const auto owner = [&](const Edge& edge) { return voters[edge.i] ? edge.j : edge.i; };
  const auto owned = [&](const Edge& edge) { return !voters[edge.i] || !voters[edge.j]; };
  std::vector<std::size_t> start(voters.size() + 1, 0);
  for (const Edge& edge : edges)
    if (owned(edge)) ++start[owner(edge) + 1];
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<std::size_t> at(start.back());
  std::vector<std::size_t> fill(start.begin(), start.end() - 1);
  for (std::size_t k = 0; k < edges.size(); ++k)
    if (owned(edges[k])) at[fill[owner(edges[k])]++] = k;

  const auto nearer = [&](std::size_t a, std::size_t b) {
    const Edge &x = edges[a], &y = edges[b];
    return x.d != y.d ? x.d < y.d : x.i + x.j < y.i + y.j;  // one owner, so the sum orders the voters
  };
  std::vector<std::uint8_t> unheard(edges.size(), 0);
  const std::size_t most = most_heard(max_members);
  for (std::size_t i = 0; i < voters.size(); ++i) {
    const auto begin = at.begin() + static_cast<std::ptrdiff_t>(start[i]);
    const auto end = at.begin() + static_cast<std::ptrdiff_t>(start[i + 1]);
    if (start[i + 1] - start[i] <= most) continue;
    std::nth_element(begin, begin + static_cast<std::ptrdiff_t>(most), end, nearer);
    for (auto k = begin + static_cast<std::ptrdiff_t>(most); k != end; ++k) unheard[*k] = 1;
  }
  std::size_t kept = 0;
  for (std::size_t k = 0; k < edges.size(); ++k)
    if (!unheard[k]) edges[kept++] = edges[k];
  edges.resize(kept);
}

}  // namespace fastface
