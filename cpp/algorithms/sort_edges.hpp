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

// A radix sort: the one pass over everything that is not linear would otherwise dominate.
inline void sort_by_distance(std::span<Edge> edges) {
  constexpr std::size_t kSmall = 2048;  // below, the histograms cost more than they save
  if (edges.size() < kSmall) {
    std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) { return a.d < b.d; });
    return;
  }
  constexpr int kBits = 11, kPasses = 3;
  std::array<std::array<std::size_t, 1 << kBits>, kPasses> offsets{};
  const auto digit = [](const Edge& edge, int pass) {
    return (sort_key(edge.d) >> (pass * kBits)) & ((1u << kBits) - 1);
  };
  Breath breath;
  for (const Edge& edge : edges) {
    for (int pass = 0; pass < kPasses; ++pass) ++offsets[pass][digit(edge, pass)];
    breath();
  }
  std::vector<Edge> scratch(edges.size());
  std::span<Edge> from = edges, to = scratch;
  for (int pass = 0; pass < kPasses; ++pass) {
    std::size_t total = 0;
    for (std::size_t& offset : offsets[pass]) {
      const std::size_t count = offset;
      offset = total;
      total += count;
    }
    for (const Edge& edge : from) {
      to[offsets[pass][digit(edge, pass)]++] = edge;
      breath();
    }
    std::swap(from, to);
  }
  std::copy(from.begin(), from.end(), edges.begin());  // kPasses is odd: the result is in scratch
}

// By (i, j), both below n: two counting sorts, the second of which keeps the order of the first.
inline void sort_by_ends(std::vector<Edge>& edges, std::size_t n) {
  std::vector<Edge> scratch(edges.size());
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
