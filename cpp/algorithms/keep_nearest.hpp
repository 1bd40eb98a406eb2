// Bounds the number of edges of a row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "core/kernels.hpp"
#include "core/watch.hpp"

namespace fastface {

// By i alone: in linear time where there are many edges for every row.
inline void sort_by_row(std::vector<Edge>& edges) {
  const auto before = [](const Edge& a, const Edge& b) { return a.i < b.i; };
  if (std::is_sorted(edges.begin(), edges.end(), before)) return;
  const auto [least, most] = std::minmax_element(edges.begin(), edges.end(), before);
  const auto first = static_cast<std::size_t>(least->i),
             n_rows = static_cast<std::size_t>(most->i) - first + 1;
  if (n_rows > edges.size()) {
    std::sort(edges.begin(), edges.end(), before);
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

// Of the edges with the same i the `most` nearest, by (i, d, j). An edge may be there twice, and is kept
// once.
inline void keep_nearest(std::vector<Edge>& edges, std::size_t most) {
  const auto nearer = [](const Edge& a, const Edge& b) {
    return std::tuple(a.d, a.j) < std::tuple(b.d, b.j);
  };
  const auto same = [](const Edge& a, const Edge& b) { return a.j == b.j; };
  sort_by_row(edges);
  auto kept = edges.begin();
  Breath breath;
  for (auto begin = edges.begin(), next = begin; begin != edges.end(); begin = next) {
    next = std::find_if(begin, edges.end(), [&](const Edge& edge) { return edge.i != begin->i; });
    breath(static_cast<std::size_t>(next - begin));
    auto end = next;
    if (static_cast<std::size_t>(end - begin) / 2 > most) {  // two of each at most
      end = begin + static_cast<std::ptrdiff_t>(2 * most);
      std::nth_element(begin, end, next, nearer);
    }
    std::sort(begin, end, nearer);
    end = std::unique(begin, end, same);
    if (static_cast<std::size_t>(end - begin) > most) end = begin + static_cast<std::ptrdiff_t>(most);
    kept = std::move(begin, end, kept);
  }
  edges.erase(kept, edges.end());
}

}  // namespace fastface
