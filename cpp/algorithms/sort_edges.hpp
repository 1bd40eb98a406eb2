// Edges by ascending distance, or by their ends.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "core/kernels.hpp"
#include "core/watch.hpp"

namespace fastface {

// The order of a float as an unsigned integer (NaN and -0 do not occur here).
inline std::uint32_t sort_key(float distance) {
  const auto bits = std::bit_cast<std::uint32_t>(distance);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// A radix sort of what differs between the least and the largest; equal ones keep their order. The result
// lies in `edges` or in `scratch`, which has room for as many.
template <class Item, class Distance>
std::span<Item> sort_by_distance(std::span<Item> edges, std::span<Item> scratch, Distance distance) {
  constexpr std::size_t kSmall = 128;  // below, the counts cost more than they save
  if (edges.size() < kSmall) {
    std::stable_sort(edges.begin(), edges.end(),
                     [&](const Item& a, const Item& b) { return distance(a) < distance(b); });
    return edges;
  }
  std::uint32_t least = ~0u, most = 0;
  for (const Item& edge : edges) {
    const std::uint32_t key = sort_key(distance(edge));
    least = std::min(least, key);
    most = std::max(most, key);
  }
  constexpr int kMostBits = 11;
  const int bits = std::bit_width(most - least), passes = (bits + kMostBits - 1) / kMostBits;
  const int width = passes ? (bits + passes - 1) / passes : 0;
  std::array<std::uint32_t, 1 << kMostBits> offsets;
  std::span<Item> from = edges, to = scratch.first(edges.size());
  Breath breath;
  for (int pass = 0; pass < passes; ++pass) {
    const auto digit = [&](const Item& edge) {
      return (sort_key(distance(edge)) - least) >> (pass * width) & ((1u << width) - 1);
    };
    offsets.fill(0);
    for (const Item& edge : from) ++offsets[digit(edge)];
    std::exclusive_scan(offsets.begin(), offsets.begin() + (1 << width), offsets.begin(), 0u);
    for (const Item& edge : from) {
      to[offsets[digit(edge)]++] = edge;
      breath();
    }
    std::swap(from, to);
  }
  return from;
}

inline std::span<Edge> sort_by_distance(std::span<Edge> edges, std::span<Edge> scratch) {
  return sort_by_distance(edges, scratch, [](const Edge& edge) { return edge.d; });
}

// By (i, j), both below n: two counting sorts, the second of which keeps the order of the first.
template <class EdgeVector>
void sort_by_ends(EdgeVector& edges, std::size_t n) {
  EdgeVector scratch(edges.size());
  Breath breath;
  const auto pass = [&](auto end_of) {
    std::vector<std::size_t> offsets(n + 1, 0);
    for (const Edge& edge : edges) {
      ++offsets[static_cast<std::size_t>(end_of(edge)) + 1];
      breath();
    }
    std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
    for (const Edge& edge : edges) {
      scratch[offsets[static_cast<std::size_t>(end_of(edge))]++] = edge;
      breath();
    }
    edges.swap(scratch);
  };
  pass([](const Edge& edge) { return edge.j; });
  pass([](const Edge& edge) { return edge.i; });
}

// By i alone, keeping the order of those with the same: in linear time where there are many edges for
// every row.
inline void sort_by_row(std::vector<Edge>& edges) {
  const auto before = [](const Edge& a, const Edge& b) { return a.i < b.i; };
  if (std::is_sorted(edges.begin(), edges.end(), before)) return;
  const auto [least, most] = std::minmax_element(edges.begin(), edges.end(), before);
  const auto first = static_cast<std::size_t>(least->i),
             n_rows = static_cast<std::size_t>(most->i) - first + 1;
  if (n_rows > edges.size()) {
    std::stable_sort(edges.begin(), edges.end(), before);
    return;
  }
  std::vector<std::size_t> next(n_rows + 1, 0);
  Breath breath;
  for (const Edge& edge : edges) {
    ++next[static_cast<std::size_t>(edge.i) - first + 1];
    breath();
  }
  for (std::size_t row = 0; row < n_rows; ++row) next[row + 1] += next[row];
  std::vector<Edge> sorted(edges.size());
  for (const Edge& edge : edges) {
    sorted[next[static_cast<std::size_t>(edge.i) - first]++] = edge;
    breath();
  }
  edges = std::move(sorted);
}

// By (i, j), fast where those of one i are in order already.
inline void sort_rows(std::vector<Edge>& edges) {
  sort_by_row(edges);
  const auto before = [](const Edge& a, const Edge& b) { return a.j < b.j; };
  Breath breath;
  for (auto begin = edges.begin(), end = begin; begin != edges.end(); begin = end) {
    end = std::find_if(begin, edges.end(), [&](const Edge& edge) { return edge.i != begin->i; });
    breath(static_cast<std::size_t>(end - begin));
    if (!std::is_sorted(begin, end, before)) std::sort(begin, end, before);
  }
}

}  // namespace fastface
