// Bounds the number of edges of a row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "core/kernels.hpp"

namespace fastface {

// Of the edges with the same i the `most` nearest, by (i, d, j).
inline void keep_nearest(std::vector<Edge>& edges, std::size_t most) {
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    return std::tuple(a.i, a.d, a.j) < std::tuple(b.i, b.d, b.j);
  });
  std::size_t kept = 0, of_row = 0;
  for (std::size_t k = 0; k < edges.size(); ++k) {
    of_row = k && edges[k].i == edges[k - 1].i ? of_row + 1 : 0;
    if (of_row < most) edges[kept++] = edges[k];
  }
  edges.resize(kept);
}

}  // namespace fastface
