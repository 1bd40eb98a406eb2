#include "algorithms/sweep.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "algorithms/disjoint_sets.hpp"
#include "algorithms/vote_table.hpp"
#include "core/watch.hpp"

namespace fastface {
namespace {

constexpr std::int32_t kNone = -1;
constexpr std::size_t kEdgesPerBreath = 1024;

struct Cluster {
  std::int32_t name;  // largest leaf
  std::int64_t n_voices;
  std::int32_t first_neighbour = kNone, last_neighbour = kNone;  // a chain
  std::int32_t n_neighbours = 0;
};

struct Neighbour {
  std::int32_t leaf;  // stands for the cluster that it is in now; repeats are harmless
  std::int32_t next;
};

// A pair of clusters that has its majority.
struct Ready {
  std::int32_t low, high;  // names
  std::int32_t a, b;       // roots
  bool operator>(const Ready& other) const { return low != other.low ? low > other.low : high > other.high; }
};

class Sweep {
 public:
  Sweep(std::span<const std::int64_t> n_voices, std::span<const CutStep> cut)
      : cut_(cut), sets_(n_voices.size()) {
    clusters_.reserve(n_voices.size());
    for (const std::int64_t voices : n_voices)
      clusters_.push_back({.name = static_cast<std::int32_t>(clusters_.size()), .n_voices = voices});
  }

  std::vector<Merge> run(const NextEdges& next, std::span<const Against> against) {
    for (const Against& pair : against) vote(pair.a, pair.b, -pair.votes);
    for (auto edges = next(); !edges.empty(); edges = next()) take(edges);
    return std::move(merges_);
  }

 private:
  void take(std::span<const Edge> edges) {
    for (std::size_t k = 0; k < edges.size();) {
      level_ = edges[k].d;
      for (; k < edges.size() && edges[k].d == level_; ++k) {
        vote(edges[k].i, edges[k].j, 2);
        if ((k + 1) % kEdgesPerBreath == 0) advance(kEdgesPerBreath);
      }
      settle();
    }
    advance(edges.size() % kEdgesPerBreath);
  }

  void vote(std::int32_t leaf_a, std::int32_t leaf_b, std::int64_t votes) {
    const std::int32_t a = sets_.find(leaf_a), b = sets_.find(leaf_b);
    if (a == b) return;
    const VoteTable::Change change = table_.add(a, b, votes, -kNever);
    if (change.inserted) {
      append(a, new_entry(leaf_b));
      append(b, new_entry(leaf_a));
    }
    const std::int64_t pairs = n_pairs(a, b);
    if (is_ready(pairs, change.after) && !is_ready(pairs, change.before)) push(a, b);
  }

  std::int64_t n_pairs(std::int32_t a, std::int32_t b) const {
    return clusters_[a].n_voices * clusters_[b].n_voices;
  }

  bool is_ready(std::int64_t pairs, std::int64_t votes) const {
    if (votes < pairs) return false;
    if (cut_.size() == 1) return true;  // edges above the largest threshold do not come here
    const auto above = std::upper_bound(cut_.begin(), cut_.end(), pairs,
                                        [](std::int64_t p, const CutStep& step) { return p < step.pairs; });
    return level_ <= std::prev(above)->threshold;
  }

  void push(std::int32_t a, std::int32_t b) {
    const auto [low, high] = std::minmax({clusters_[a].name, clusters_[b].name});
    ready_.push({low, high, a, b});
  }

  // Merges every pair that has its majority at this level, lowest names first.
  void settle() {
    while (!ready_.empty()) {
      breath_();
      const Ready pair = ready_.top();
      ready_.pop();
      // If one of the two was merged away, the pair lives on as the union's.
      if (sets_.find(pair.a) != pair.a || sets_.find(pair.b) != pair.b) continue;
      if (!is_ready(n_pairs(pair.a, pair.b), table_.votes(pair.a, pair.b))) continue;
      const auto [low, high] = std::minmax({clusters_[pair.a].name, clusters_[pair.b].name});
      if (low != pair.low || high != pair.high) {
        push(pair.a, pair.b);  // renamed meanwhile
      } else {
        merges_.push_back({low, high, level_});
        merge(pair.a, pair.b);
      }
    }
  }

  void merge(std::int32_t a, std::int32_t b) {
    // The pairs of the one with fewer move, so a pair moves O(log n) times in all.
    if (clusters_[a].n_neighbours < clusters_[b].n_neighbours) std::swap(a, b);
    Cluster& kept = clusters_[a];
    const Cluster& gone = clusters_[b];
    table_.take(a, b);
    sets_.attach(b, a);

    const std::int64_t voices_before = kept.n_voices;
    kept.name = std::max(kept.name, gone.name);
    kept.n_voices += gone.n_voices;
    if (cut_.size() > 1) requeue_grown(a, voices_before);
    move_pairs(b, a, voices_before);
  }

  // Under one threshold growth alone makes no pair ready; under several it can.
  void requeue_grown(std::int32_t a, std::int64_t voices_before) {
    for (std::int32_t e = clusters_[a].first_neighbour; e != kNone; e = neighbours_[e].next) {
      const std::int32_t c = sets_.find(neighbours_[e].leaf);
      const std::int64_t votes = table_.votes(a, c);
      if (is_ready(n_pairs(a, c), votes) && !is_ready(voices_before * clusters_[c].n_voices, votes))
        push(a, c);
    }
  }

  void move_pairs(std::int32_t from, std::int32_t to, std::int64_t voices_before) {
    for (std::int32_t e = clusters_[from].first_neighbour, next; e != kNone; e = next) {
      next = neighbours_[e].next;
      breath_();
      const std::int32_t c = sets_.find(neighbours_[e].leaf);
      const auto [found, votes] = table_.take(from, c);
      if (!found) continue;
      const VoteTable::Change change = table_.add(to, c, votes, -kNever);
      // The neighbour's own chain needs no entry: its leaf of `from` now stands for `to`.
      if (change.inserted) append(to, e);
      // A pair that was ready is in the queue already: again at every merge would be O(n^3).
      const bool queued = is_ready(voices_before * clusters_[c].n_voices, change.before) ||
                          is_ready(n_pairs(to, c), change.before);
      if (!queued && is_ready(n_pairs(to, c), change.after)) push(to, c);
    }
  }

  std::int32_t new_entry(std::int32_t leaf) {
    neighbours_.push_back({leaf, kNone});
    return static_cast<std::int32_t>(neighbours_.size() - 1);
  }

  void append(std::int32_t cluster, std::int32_t entry) {
    Cluster& owner = clusters_[cluster];
    neighbours_[entry].next = kNone;
    (owner.last_neighbour == kNone ? owner.first_neighbour : neighbours_[owner.last_neighbour].next) = entry;
    owner.last_neighbour = entry;
    ++owner.n_neighbours;
  }

  std::span<const CutStep> cut_;
  float level_ = 0;
  DisjointSets sets_;
  std::vector<Cluster> clusters_;  // at the roots
  std::vector<Neighbour> neighbours_;
  VoteTable table_;  // twice the pairs within the level, less the evidence against
  std::priority_queue<Ready, std::vector<Ready>, std::greater<>> ready_;
  std::vector<Merge> merges_;
  Breath breath_;
};

}  // namespace

std::vector<Merge> sweep(std::span<const std::int64_t> n_voices, const NextEdges& next,
                         std::span<const Against> against, std::span<const CutStep> cut) {
  return Sweep(n_voices, cut).run(next, against);
}

}  // namespace fastface
