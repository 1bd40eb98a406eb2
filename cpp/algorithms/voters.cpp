#include "algorithms/voters.hpp"

#include <algorithm>
#include <numeric>

namespace fastface {
namespace {

// SplitMix64 (Steele, Lea and Flood, 2014): a bijection, so no two observations share a value.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

}  // namespace

std::vector<std::uint8_t> choose_voters(std::size_t n, std::span<const Edge> edges, std::size_t max_members,
                                        std::uint64_t seed) {
  std::vector<std::uint64_t> priority(n);
  for (std::size_t i = 0; i < n; ++i) priority[i] = mix(mix(seed) ^ i);

  // Each edge is stored with its later end: the one that looks back at the other.
  const auto later_is_i = [&](const Edge& edge) { return priority[edge.i] > priority[edge.j]; };
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
  std::sort(order.begin(), order.end(),
            [&](std::int32_t a, std::int32_t b) { return priority[a] < priority[b]; });
  std::vector<std::uint8_t> voter(n, 0);
  for (const std::int32_t i : order) {
    std::size_t n_voters = 0;
    for (std::size_t k = start[i]; k < start[i + 1]; ++k) n_voters += voter[earlier[k]];
    voter[i] = n_voters < max_members;
  }
  return voter;
}

}  // namespace fastface
