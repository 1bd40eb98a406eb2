// The connected components of a graph, each with its own small numbering: clusters never reach across.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/sweep.hpp"
#include "core/buffer.hpp"
#include "core/kernels.hpp"

namespace fastface {

// Those of component c.
template <class Items>
auto part(Items& items, const std::vector<std::size_t>& start, std::size_t c) {
  return std::span(items).subspan(start[c], start[c + 1] - start[c]);
}

struct Components {
  std::vector<std::int32_t> names;   // nodes that have an edge, component by component, ascending
  std::vector<std::int64_t> voices;  // parallel to names
  RawVector<Edge> edges;             // ends are indices into their component
  std::vector<Against> against;      // likewise
  std::vector<std::size_t> name_start, edge_start, against_start;  // (count + 1)

  std::size_t count() const { return name_start.size() - 1; }
  std::span<const std::int32_t> names_of(std::size_t c) const { return part(names, name_start, c); }
  std::span<const std::int64_t> voices_of(std::size_t c) const { return part(voices, name_start, c); }
  std::span<Edge> edges_of(std::size_t c) { return part(edges, edge_start, c); }
  std::span<const Against> against_of(std::size_t c) const { return part(against, against_start, c); }
};

// edges: between two nodes each, any order, which components keep.  against: likewise, or of nodes that no
// chain of edges connects, who have nothing to decide.  voices: of each node.
Components split(RawVector<Edge> edges, std::vector<Against> against, std::span<const std::int64_t> voices,
                 std::size_t threads);

}  // namespace fastface
