// Bounds the number of edges of a row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "algorithms/sort_edges.hpp"
#include "core/kernels.hpp"
#include "core/watch.hpp"

namespace fastface {

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
