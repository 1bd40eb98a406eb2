#include "algorithms/linkage.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>
#include <string>
#include <tuple>
#include <utility>

#include "algorithms/disjoint_sets.hpp"
#include "algorithms/linkage_input.hpp"
#include "algorithms/sort_edges.hpp"
#include "algorithms/sweep.hpp"
#include "core/parallel.hpp"
#include "core/watch.hpp"

namespace fastface {
namespace {

// Everything named by leaf instead of by observation. A leaf is what must_link and joined put together,
// called by its largest member; leaves keep the order of their names.
struct Leaves {
  std::vector<std::int32_t> of;     // (n) name of the leaf
  std::vector<std::int64_t> sizes;  // (n) at the names
  std::vector<Merge> merges;        // how they came together
};

Leaves contract(std::size_t n, std::span<const Pair> must_link, std::span<const Edge> joined) {
  Leaves leaves{.of = std::vector<std::int32_t>(n), .sizes = std::vector<std::int64_t>(n, 0), .merges = {}};
  DisjointSets sets(n);
  const auto put_together = [&](std::int64_t i, std::int64_t j, float height) {
    const auto [low, high] =
        std::minmax({sets.find(static_cast<std::int32_t>(i)), sets.find(static_cast<std::int32_t>(j))});
    if (low == high) return;
    leaves.merges.push_back({low, high, height});
    sets.attach(low, high);
  };
  for (const Pair& pair : must_link) put_together(pair.i, pair.j, 0);
  for (const Edge& pair : joined) put_together(pair.i, pair.j, pair.d);
  for (std::size_t i = 0; i < n; ++i) {
    leaves.of[i] = sets.find(static_cast<std::int32_t>(i));
    ++leaves.sizes[leaves.of[i]];
  }
  return leaves;
}

// The connected components of the leaves, each with its own small numbering, ready to sweep.
struct Components {
  std::vector<std::int32_t> names;   // leaves that have an edge, component by component, ascending
  std::vector<std::int64_t> voices;  // parallel to names
  std::vector<Edge> edges;           // ends are indices into their component
  std::vector<Against> against;      // likewise
  std::vector<std::size_t> leaf_start, edge_start, against_start;  // (count + 1)
  std::size_t count() const { return leaf_start.size() - 1; }
};

// Stable counting sort of items by their group; start becomes the groups' offsets.
template <class T, class GroupOf>
std::vector<T> bucket(const std::vector<T>& items, std::size_t n_groups, GroupOf group_of,
                      std::vector<std::size_t>& start) {
  start.assign(n_groups + 1, 0);
  Breath breath;
  for (const T& item : items) {
    ++start[group_of(item) + 1];
    breath();
  }
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<std::size_t> fill(start.begin(), start.end() - 1);
  std::vector<T> sorted(items.size());
  for (const T& item : items) {
    sorted[fill[group_of(item)]++] = item;
    breath();
  }
  return sorted;
}

Components split(std::vector<Edge> edges, std::vector<Against> against,
                 std::span<const std::int64_t> voices) {
  const std::size_t n = voices.size();
  DisjointSets sets(n);
  std::vector<std::uint8_t> touched(n, 0);
  Breath breath;
  for (const Edge& edge : edges) {
    breath();
    touched[edge.i] = touched[edge.j] = 1;
    const std::int32_t a = sets.find(edge.i), b = sets.find(edge.j);
    if (a != b) sets.attach(std::max(a, b), std::min(a, b));
  }
  Components components;
  std::vector<std::int32_t> group(n, -1);  // by root, then by leaf; roots are smallest, so come first
  std::int32_t n_groups = 0;
  for (std::size_t leaf = 0; leaf < n; ++leaf) {
    if (!touched[leaf]) continue;
    const std::int32_t root = sets.find(static_cast<std::int32_t>(leaf));
    group[leaf] = group[root] < 0 ? n_groups++ : group[root];
    components.names.push_back(static_cast<std::int32_t>(leaf));
  }
  // Against a pair that no chain of edges connects there is nothing to say.
  std::erase_if(against,
                [&](const Against& pair) { return group[pair.a] < 0 || group[pair.a] != group[pair.b]; });

  const auto groups = static_cast<std::size_t>(n_groups);
  components.names =
      bucket(components.names, groups, [&](std::int32_t leaf) { return group[leaf]; }, components.leaf_start);
  components.edges =
      bucket(edges, groups, [&](const Edge& edge) { return group[edge.i]; }, components.edge_start);
  components.against =
      bucket(against, groups, [&](const Against& pair) { return group[pair.a]; }, components.against_start);
  std::vector<std::int32_t> index(n);
  for (std::size_t c = 0; c < groups; ++c)
    for (std::size_t k = components.leaf_start[c]; k < components.leaf_start[c + 1]; ++k)
      index[components.names[k]] = static_cast<std::int32_t>(k - components.leaf_start[c]);
  for (const std::int32_t name : components.names) components.voices.push_back(voices[name]);
  for (Edge& edge : components.edges) {
    edge = {index[edge.i], index[edge.j], edge.d};
    breath();
  }
  for (Against& pair : components.against) pair = {index[pair.a], index[pair.b], pair.votes};
  return components;
}

template <class T>
std::span<T> part(std::vector<T>& items, const std::vector<std::size_t>& start, std::size_t c) {
  return std::span<T>(items).subspan(start[c], start[c + 1] - start[c]);
}

// Sweeps every component; merges are named by leaf.
std::vector<std::vector<Merge>> sweep_all(Components& components, std::span<const CutStep> cut,
                                          std::size_t threads) {
  // The largest first, so that no thread is left with one at the end.
  std::vector<std::size_t> order(components.count());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return part(components.edges, components.edge_start, a).size() >
           part(components.edges, components.edge_start, b).size();
  });
  std::vector<std::vector<Merge>> merges(components.count());
  const Stage stage(components.edges.size());
  constexpr std::size_t kWorthThreads = 20'000;  // edges; fewer take less than starting a thread
  if (components.edges.size() < kWorthThreads) threads = 1;
  parallel_for(order.size(), 1, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) {
      const std::size_t c = order[k];
      const std::span<Edge> edges = part(components.edges, components.edge_start, c);
      sort_by_distance(edges);
      merges[c] = sweep(part(components.voices, components.leaf_start, c), edges,
                        part(components.against, components.against_start, c), cut);
      const std::int32_t* names = components.names.data() + components.leaf_start[c];
      for (Merge& merge : merges[c]) merge = {names[merge.a], names[merge.b], merge.distance};
    }
  });
  return merges;
}

// Lines the components' merges up in the order in which one greedy algorithm would make them.
std::vector<Merge> interleave(const std::vector<std::vector<Merge>>& lists) {
  struct Head {
    Merge merge;
    std::size_t list, at;
    bool operator>(const Head& other) const {
      return std::tie(merge.distance, merge.a, merge.b) >
             std::tie(other.merge.distance, other.merge.a, other.merge.b);
    }
  };
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
  for (std::size_t list = 0; list < lists.size(); ++list)
    if (!lists[list].empty()) heads.push({lists[list][0], list, 0});
  std::vector<Merge> merges;
  Breath breath;
  while (!heads.empty()) {
    breath();
    Head head = heads.top();
    heads.pop();
    merges.push_back(head.merge);
    if (++head.at < lists[head.list].size()) {
      head.merge = lists[head.list][head.at];
      heads.push(head);
    }
  }
  return merges;
}

// Every merge is taken for an edge between two of the observations that it brings together: these are
// trees, and their edges by height are merges again. Members of a crowd join it at heights of their
// own, among the merges of the crowd with others.
void order_by_height(std::size_t n, std::vector<Merge>& merges) {
  const auto height = [](const Merge& merge) { return std::max(0.0f, merge.distance); };
  Breath breath;
  std::stable_sort(merges.begin(), merges.end(), [&](const Merge& a, const Merge& b) {
    breath();
    return height(a) < height(b);
  });
  DisjointSets sets(n);
  for (Merge& merge : merges) {
    const auto [low, high] = std::minmax({sets.find(merge.a), sets.find(merge.b)});
    sets.attach(low, high);
    merge = {low, high, merge.distance};
  }
}

// Labels by first appearance, and SciPy's matrix, in which what never merged joins at infinity.
Linkage finish(std::size_t n, std::vector<Merge> merges) {
  Linkage linkage;
  DisjointSets sets(n);
  for (const Merge& merge : merges) sets.attach(merge.a, merge.b);
  linkage.labels.resize(n);
  std::vector<std::int64_t> label(n, -1);
  std::int32_t previous = -1;
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t root = sets.find(static_cast<std::int32_t>(i));
    if (label[root] < 0) label[root] = static_cast<std::int64_t>(linkage.n_clusters++);
    linkage.labels[i] = label[root];
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (sets.find(static_cast<std::int32_t>(i)) != static_cast<std::int32_t>(i)) continue;
    const auto root = static_cast<std::int32_t>(i);
    if (previous >= 0) merges.push_back({previous, root, INFINITY});
    previous = root;
  }

  std::vector<double> node(n), size(n, 1.0);
  std::iota(node.begin(), node.end(), 0.0);
  linkage.merges.reserve(4 * merges.size());
  for (std::size_t k = 0; k < merges.size(); ++k) {
    const auto [a, b, distance] = merges[k];
    const auto [low, high] = std::minmax({node[a], node[b]});
    size[b] += size[a];
    linkage.merges.insert(linkage.merges.end(),
                          {low, high, std::max(0.0, static_cast<double>(distance)), size[b]});
    node[b] = static_cast<double>(n + k);
  }
  return linkage;
}

// Who speaks for each leaf: its voters, or all its members if it has none.
struct Voices {
  std::vector<std::uint8_t> speaks;  // (n)
  std::vector<std::int64_t> count;   // (n) at the leaves' names
};

Voices count_voices(const Leaves& leaves, std::span<const std::uint8_t> voters) {
  if (voters.empty()) return {std::vector<std::uint8_t>(leaves.of.size(), 1), leaves.sizes};
  Voices voices{{voters.begin(), voters.end()}, std::vector<std::int64_t>(voters.size(), 0)};
  for (std::size_t i = 0; i < voters.size(); ++i) voices.count[leaves.of[i]] += voters[i] != 0;
  for (std::size_t i = 0; i < voters.size(); ++i)
    if (voices.count[leaves.of[i]] == 0) voices.speaks[i] = 1;
  for (std::size_t i = 0; i < voters.size(); ++i)
    if (voices.speaks[i] && !voters[i]) ++voices.count[leaves.of[i]];
  return voices;
}

}  // namespace

std::vector<Merge> median_merges(const LinkageProblem& problem) {
  const std::size_t n = problem.n;
  check_cut(problem.cut);
  const std::vector<Pair> must = tidy_pairs(problem.must_link, n, "must_link");
  const std::vector<Pair> cannot = tidy_pairs(problem.cannot_link, n, "cannot_link");
  const std::vector<Pair> soft = tidy_pairs(problem.soft_cannot_link, n, "soft_cannot_link");
  std::vector<Edge> edges;
  {
    const Stage reading(0, 0.2);
    edges = take_edges(problem);
  }
  Leaves leaves = contract(n, must, problem.joined);
  const auto [speaks, voices] = count_voices(leaves, problem.voters);

  std::vector<Against> against;
  for (const Pair& pair : cannot) {
    if (leaves.of[pair.i] == leaves.of[pair.j]) refuse("cannot_link", text(pair) + " contradicts must_link");
    against.push_back({leaves.of[pair.i], leaves.of[pair.j], kNever});
  }
  // Without its edge a pair is one that is far; the other votes are added.
  overrule(edges, soft);
  for (const Pair& pair : soft)
    if (leaves.of[pair.i] != leaves.of[pair.j] && speaks[pair.i] && speaks[pair.j] && problem.soft_votes > 1)
      against.push_back({leaves.of[pair.i], leaves.of[pair.j], problem.soft_votes - 1});

  Breath breath;
  std::erase_if(edges, [&](const Edge& edge) {
    breath();
    return leaves.of[edge.i] == leaves.of[edge.j] || !speaks[edge.i] || !speaks[edge.j];
  });
  for (Edge& edge : edges) {
    edge = {leaves.of[edge.i], leaves.of[edge.j], edge.d};
    breath();
  }

  Components components = split(std::move(edges), std::move(against), voices);
  std::vector<Merge> merges = std::move(leaves.merges);
  for (const Merge& merge : interleave(sweep_all(components, problem.cut, problem.threads)))
    merges.push_back(merge);
  if (!problem.joined.empty()) order_by_height(n, merges);
  return merges;
}

Linkage median_linkage(const LinkageProblem& problem) { return finish(problem.n, median_merges(problem)); }

}  // namespace fastface
