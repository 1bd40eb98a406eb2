#include "algorithms/components.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "algorithms/concurrent_sets.hpp"
#include "core/parallel.hpp"
#include "core/watch.hpp"

namespace fastface {
namespace {

constexpr std::size_t kEdgesPerPiece = std::size_t{1} << 17;

// Which component a node is in, by its place there.
struct Places {
  std::vector<std::int32_t> component;  // -1: no edge
  std::vector<std::int32_t> index;      // within the component
};

// Fills in names, voices and name_start.
Places number(const RawVector<Edge>& edges, std::span<const std::int64_t> voices, std::size_t threads,
              Components& components) {
  const std::size_t n = voices.size();
  ConcurrentSets sets(n);
  parallel_for(edges.size(), kEdgesPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) sets.unite(edges[k].i, edges[k].j);
  });
  std::vector<std::int32_t> size(n, 0);  // at the roots
  for (std::size_t node = 0; node < n; ++node) ++size[sets.find(static_cast<std::int32_t>(node))];
  Places places{std::vector<std::int32_t>(n, -1), std::vector<std::int32_t>(n)};
  components.name_start = {0};
  for (std::size_t node = 0; node < n; ++node) {
    const std::int32_t root = sets.find(static_cast<std::int32_t>(node));  // its least member, so comes first
    if (size[root] == 1) continue;
    if (root == static_cast<std::int32_t>(node)) {
      places.component[root] = static_cast<std::int32_t>(components.count());
      components.name_start.push_back(components.name_start.back() + static_cast<std::size_t>(size[root]));
    }
    places.component[node] = places.component[root];
  }
  components.names.resize(components.name_start.back());
  std::vector<std::size_t> next(components.name_start.begin(), components.name_start.end() - 1);
  for (std::size_t node = 0; node < n; ++node) {
    const std::int32_t c = places.component[node];
    if (c < 0) continue;
    places.index[node] = static_cast<std::int32_t>(next[c] - components.name_start[c]);
    components.names[next[c]++] = static_cast<std::int32_t>(node);
  }
  for (const std::int32_t name : components.names) components.voices.push_back(voices[name]);
  return places;
}

// Stable counting sort of items by their component, on all threads.
template <class Items, class ComponentOf, class Renamed>
Items bucket(const Items& items, std::size_t n_components, ComponentOf component_of, Renamed renamed,
             std::vector<std::size_t>& start, std::size_t threads) {
  // A piece has a count for each component, so there are few.
  constexpr std::size_t kMostPieces = 16;
  const std::size_t grain = std::max(kEdgesPerPiece, (items.size() + kMostPieces - 1) / kMostPieces);
  std::vector<std::vector<std::size_t>> next((items.size() + grain - 1) / grain);
  parallel_for(items.size(), grain, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<std::size_t>& count = next[begin / grain];
    count.assign(n_components, 0);
    Breath breath;
    for (std::size_t k = begin; k < end; ++k) {
      ++count[component_of(items[k])];
      breath();
    }
  });
  start.clear();
  std::size_t total = 0;
  for (std::size_t c = 0; c < n_components; ++c) {
    start.push_back(total);
    for (std::vector<std::size_t>& places : next) total += std::exchange(places[c], total);
  }
  start.push_back(total);
  Items sorted(items.size());
  parallel_for(items.size(), grain, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<std::size_t>& place = next[begin / grain];
    Breath breath;
    for (std::size_t k = begin; k < end; ++k) {
      sorted[place[component_of(items[k])]++] = renamed(items[k]);
      breath();
    }
  });
  return sorted;
}

}  // namespace

Components split(RawVector<Edge> edges, std::vector<Against> against, std::span<const std::int64_t> voices,
                 std::size_t threads) {
  Components components;
  const Places places = number(edges, voices, threads, components);
  const auto& [component, index] = places;
  const auto renamed = [&](const Edge& edge) { return Edge{index[edge.i], index[edge.j], edge.d}; };
  if (components.count() == 1) {
    components.edge_start = {0, edges.size()};
    parallel_for(edges.size(), kEdgesPerPiece, threads, [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k) edges[k] = renamed(edges[k]);
    });
    components.edges = std::move(edges);
  } else {
    components.edges = bucket(
        edges, components.count(), [&](const Edge& edge) { return component[edge.i]; }, renamed,
        components.edge_start, threads);
  }
  std::erase_if(against, [&](const Against& pair) {
    return component[pair.a] < 0 || component[pair.a] != component[pair.b];
  });
  components.against = bucket(
      against, components.count(), [&](const Against& pair) { return component[pair.a]; },
      [&](const Against& pair) { return Against{index[pair.a], index[pair.b], pair.votes}; },
      components.against_start, 1);
  return components;
}

}  // namespace fastface
