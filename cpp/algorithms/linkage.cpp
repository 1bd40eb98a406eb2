#include "algorithms/linkage.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <queue>
#include <string>
#include <tuple>
#include <utility>

#include "algorithms/components.hpp"
#include "algorithms/disjoint_sets.hpp"
#include "algorithms/distance_buckets.hpp"
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

// Sweeps every component; merges are named by leaf.
class SweepAll {
 public:
  SweepAll(Components components, std::span<const CutStep> cut, std::size_t threads)
      : components_(std::move(components)), cut_(cut), order_(components_.count()), merges_(order_.size()) {
    constexpr std::size_t kWorthThreads = 20'000;  // edges; fewer take less than starting a thread
    threads_ = components_.edges.size() < kWorthThreads ? 1 : threads;
    // The largest first, so that no thread is left with one at the end.
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(),
                     [&](std::size_t a, std::size_t b) { return n_edges(a) > n_edges(b); });
  }

  std::vector<std::vector<Merge>> run() {
    const Stage stage(components_.edges.size());
    for (const std::size_t c : order_) {
      if (n_edges(c) < kLarge) break;
      large_.emplace_back(components_.edges_of(c), threads_);
      for (std::size_t bucket = 0; bucket < large_.back().size(); ++bucket)
        buckets_.push_back({large_.size() - 1, bucket});
    }
    // While some threads sweep large components, the others sort for them.
    const std::size_t n_large = large_.size(), n_sorts = buckets_.size();
    parallel_for(order_.size() + n_sorts, 1, threads_, [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k)
        if (k < n_large)
          sweep_large(k);
        else if (k < n_large + n_sorts)
          large_[buckets_[k - n_large].first].sort(buckets_[k - n_large].second);
        else
          sweep_small(order_[k - n_sorts]);
    });
    return std::move(merges_);
  }

 private:
  static constexpr std::size_t kLarge = std::size_t{1} << 17;  // edges

  std::size_t n_edges(std::size_t c) const {
    return components_.edge_start[c + 1] - components_.edge_start[c];
  }

  void sweep_large(std::size_t k) {
    std::size_t bucket = 0;
    sweep_component(order_[k], [&] {
      std::span<const Edge> edges;
      while (edges.empty() && bucket < large_[k].size()) edges = large_[k].sorted(bucket++);
      return edges;
    });
  }

  void sweep_small(std::size_t c) {
    std::vector<Edge> scratch(n_edges(c));
    std::span<const Edge> edges = sort_by_distance(components_.edges_of(c), scratch);
    sweep_component(c, [&] { return std::exchange(edges, {}); });
  }

  void sweep_component(std::size_t c, const NextEdges& next) {
    merges_[c] = sweep(components_.voices_of(c), next, components_.against_of(c), cut_);
    const std::span<const std::int32_t> names = components_.names_of(c);
    for (Merge& merge : merges_[c]) merge = {names[merge.a], names[merge.b], merge.distance};
  }

  Components components_;
  std::span<const CutStep> cut_;
  std::size_t threads_;
  std::vector<std::size_t> order_;
  std::deque<DistanceBuckets> large_;                         // as in order_
  std::vector<std::pair<std::size_t, std::size_t>> buckets_;  // of which in large_, and which
  std::vector<std::vector<Merge>> merges_;
};

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
  std::vector<Merge> ordered(merges.size());
  const std::span<Merge> sorted =
      sort_by_distance(std::span(merges), std::span(ordered),
                       [](const Merge& merge) { return std::max(0.0f, merge.distance); });
  if (sorted.data() == ordered.data()) merges.swap(ordered);
  DisjointSets sets(n);
  Breath breath;
  for (Merge& merge : merges) {
    breath();
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
  RawVector<Edge> edges;
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

  const bool all_alone = leaves.merges.empty() && problem.voters.empty();
  if (!all_alone) {
    const std::vector<std::int32_t>& of = leaves.of;
    keep_if(edges, problem.threads, [&, &speaks = speaks](Edge& edge) {
      const bool speak = speaks[edge.i] && speaks[edge.j];
      edge = {of[edge.i], of[edge.j], edge.d};
      return speak && edge.i != edge.j;
    });
  }
  Components components = split(std::move(edges), std::move(against), voices, problem.threads);
  std::vector<Merge> merges = std::move(leaves.merges);
  for (const Merge& merge : interleave(SweepAll(std::move(components), problem.cut, problem.threads).run()))
    merges.push_back(merge);
  if (!problem.joined.empty()) order_by_height(n, merges);
  return merges;
}

Linkage median_linkage(const LinkageProblem& problem) { return finish(problem.n, median_merges(problem)); }

}  // namespace fastface
