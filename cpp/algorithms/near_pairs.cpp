#include "algorithms/near_pairs.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <limits>
#include <utility>

#include "algorithms/sort_edges.hpp"
#include "algorithms/strip_side.hpp"
#include "core/parallel.hpp"
#include "core/watch.hpp"

namespace fastface {

namespace {

struct Search {
  const ComparableRows& left_rows;
  std::span<const std::int32_t> left;
  const ComparableRows& right_rows;
  std::span<const std::int32_t> right;
  // What the first of `right` counts as: within one list only later members are partners, across
  // lists all of them are.
  std::size_t right_first;
  float threshold;
  float reach;           // F up to which a torso may bring a pair within the threshold
  std::size_t most = 0;  // edges of a left row, the nearest; 0: all

  const FusedRule& rule() const { return left_rows.observations.rule; }
  // Below so many rows packing costs more than it spares.
  bool quantised() const { return left_rows.faces && right_rows.faces && left.size() + right.size() >= 256; }
};

// A bound on the F with which a pair of faces can have D <= threshold, as T >= 0: from
// alpha * F <= threshold, with room for rounding and underflow.
float face_reach(const Observations& observations, float threshold) {
  const float alpha = observations.rule.alpha;
  if (!observations.torsos_used || alpha >= 1 || threshold < 0) return threshold;
  return (threshold + std::numeric_limits<float>::min()) / alpha * (1 + 1e-6f);
}

// A block of left rows against the whole right side. Until name() pairs are places in the search.
class BlockSearch {
 public:
  BlockSearch(const Search& search, std::size_t first, std::size_t end)
      : search_(search),
        left_(search.left_rows, StripSide::Role::left, StripSide::left_panels(end - first)),
        right_(search.right_rows, StripSide::Role::right, 1),
        first_(first),
        n_rows_(end - first),
        candidates_(search.quantised() ? (end - first) * kernels().tile_cols : 0),
        thresholds_(left_.panels() * left_.width(), search.threshold),
        reaches_(thresholds_.size(), search.reach),
        tile_(left_.width() * right_.width()) {
    left_.take(search.left.subspan(first, end - first), first);
  }

  std::vector<Edge> edges() {
    // With what has been kept, twice as many at most: so each is looked at a few times.
    std::size_t enough = 2 * n_rows_ * search_.most;
    search([&] {
      if (!search_.most || found_.size() < enough) return;
      keep_most();
      enough = std::max(n_rows_ * search_.most, 2 * found_.size());
    });
    if (search_.most) keep_most();
    sort_rows(found_);
    name();
    return std::move(found_);
  }

  // Adds to the counts of both rows of every pair.
  void count(std::span<std::atomic<std::int64_t>> counts) {
    const auto count_found = [&] {
      name();
      for (const Edge& edge : found_) {
        counts[static_cast<std::size_t>(edge.i)].fetch_add(1, std::memory_order_relaxed);
        counts[static_cast<std::size_t>(edge.j)].fetch_add(1, std::memory_order_relaxed);
      }
      found_.clear();
    };
    constexpr std::size_t kAtOnce = std::size_t{1} << 14;
    search([&] {
      if (found_.size() >= kAtOnce) count_found();
    });
    count_found();
  }

 private:
  static constexpr std::size_t kPairsAtOnce = 1024;

  template <class AfterStrip>
  void search(AfterStrip after_strip) {
    const std::size_t width = right_.width();
    // The first panel with a partner for any of the block's rows.
    std::size_t at = first_ < search_.right_first ? 0 : (first_ - search_.right_first) / width * width;
    for (; at < search_.right.size(); at += width) {
      const std::size_t rows = std::min(width, search_.right.size() - at);
      right_.take(search_.right.subspan(at, rows), search_.right_first + at);
      if (search_.quantised())
        search_strip();
      else
        for (std::size_t panel = 0; panel < left_.panels(); ++panel) search_tile(panel);
      after_strip();
      advance(n_rows_ * rows);
    }
    settle();
  }

  void search_strip() {
    const std::size_t count =
        kernels().strip_candidates(left_.words(), right_.words(), search_.rule(), thresholds_.data(),
                                   reaches_.data(), candidates_.data());
    settle_candidates(
        std::span(candidates_).first(count), left_, right_, [this](std::size_t panel) { search_tile(panel); },
        [this](std::span<const Candidate> few) { put_off(few); });
    if (pairs_.size() >= kPairsAtOnce) settle();
  }

  // All pairs of a tile.
  void search_tile(std::size_t panel) {
    const std::size_t count = kernels().strip_edges(left_.floats(panel), right_.floats(0), search_.rule(),
                                                    search_.threshold, search_.reach, tile_.data());
    const auto end = tile_.begin() + static_cast<std::ptrdiff_t>(count);
    if (!search_.most)
      found_.insert(found_.end(), tile_.begin(), end);
    else
      std::copy_if(tile_.begin(), end, std::back_inserter(found_),
                   [this](const Edge& edge) { return edge.d <= threshold_of(edge.i); });
  }

  float threshold_of(std::int32_t place) const {
    return thresholds_[static_cast<std::size_t>(place) - first_];
  }

  // Of the edges of each left row. No farther one is looked for from now on.
  void keep_most() {
    const auto name_of = [&](const Edge& edge) {
      return search_.right[static_cast<std::size_t>(edge.j) - search_.right_first];
    };
    const auto nearer = [&](const Edge& a, const Edge& b) {
      return a.d != b.d ? a.d < b.d : name_of(a) < name_of(b);
    };
    sort_by_row(found_);
    auto kept = found_.begin();
    for (auto begin = found_.begin(), next = begin; begin != found_.end(); begin = next) {
      next = std::find_if(begin, found_.end(), [&](const Edge& edge) { return edge.i != begin->i; });
      auto end = next;
      if (static_cast<std::size_t>(next - begin) >= search_.most) {
        end = begin + static_cast<std::ptrdiff_t>(search_.most);
        std::nth_element(begin, end - 1, next, nearer);
        const std::size_t row = static_cast<std::size_t>(begin->i) - first_;
        thresholds_[row] = reaches_[row] = std::prev(end)->d;
      }
      kept = std::move(begin, end, kept);
    }
    found_.erase(kept, found_.end());
  }

  // Pairs by themselves, many at once: one alone would wait for each of its additions.
  void put_off(std::span<const Candidate> candidates) {
    for (const auto& [i, j] : candidates) {
      pairs_.push_back(left_.pair(i, right_, j));
      places_.push_back({left_.place(i), right_.place(j)});
    }
  }

  void settle() {
    distances_.resize(pairs_.size());
    FusedRule rule = search_.rule();
    if (!search_.left_rows.observations.torsos_used) rule.torso_dims = 0;
    kernels().pair_distances(pairs_.data(), pairs_.size(), rule, distances_.data());
    for (std::size_t p = 0; p < pairs_.size(); ++p)
      if (distances_[p] <= threshold_of(places_[p].first))
        found_.push_back({places_[p].first, places_[p].second, distances_[p]});
    pairs_.clear();
    places_.clear();
    right_.forget_pairs();  // the left side's rows are few, and asked for again
  }

  void name() {
    for (Edge& edge : found_) {
      edge.i = search_.left[static_cast<std::size_t>(edge.i)];
      edge.j = search_.right[static_cast<std::size_t>(edge.j) - search_.right_first];
    }
  }

  const Search& search_;
  StripSide left_, right_;
  std::size_t first_, n_rows_;
  std::vector<Candidate> candidates_;
  std::vector<float> thresholds_, reaches_;
  std::vector<Edge> tile_;
  std::vector<RowPair> pairs_;
  std::vector<std::pair<std::int32_t, std::int32_t>> places_;
  std::vector<float> distances_;
  std::vector<Edge> found_;
};

Search search_among(const ComparableRows& rows, std::span<const std::int32_t> members, float threshold) {
  return {rows, members, rows, members, 0, threshold, face_reach(rows.observations, threshold)};
}

Search search_across(const ComparableRows& a, std::span<const std::int32_t> left, const ComparableRows& b,
                     std::span<const std::int32_t> right, float threshold) {
  return {a, left, b, right, left.size(), threshold, face_reach(a.observations, threshold)};
}

std::vector<std::vector<Edge>> run(const Search& search, std::size_t threads) {
  const std::size_t rows = StripSide::rows_per_block(search.rule().face_dims, search.left.size(), threads);
  std::vector<std::vector<Edge>> blocks((search.left.size() + rows - 1) / rows);
  parallel_for(search.left.size(), rows, threads, [&](std::size_t begin, std::size_t end) {
    blocks[begin / rows] = BlockSearch(search, begin, end).edges();
  });
  return blocks;
}

std::vector<Edge> joined(std::vector<std::vector<Edge>> blocks) {
  if (blocks.size() == 1) return std::move(blocks.front());
  std::size_t total = 0;
  for (const auto& block : blocks) total += block.size();
  std::vector<Edge> found;
  found.reserve(total);
  for (auto& block : blocks) {
    breathe();
    found.insert(found.end(), block.begin(), block.end());
    std::vector<Edge>().swap(block);
  }
  return found;
}

}  // namespace

std::vector<Edge> near_pairs(const ComparableRows& rows, std::span<const std::int32_t> members,
                             float threshold, std::size_t threads) {
  return joined(run(search_among(rows, members, threshold), threads));
}

std::vector<Edge> near_pairs(const ComparableRows& a, std::span<const std::int32_t> left,
                             const ComparableRows& b, std::span<const std::int32_t> right, float threshold,
                             std::size_t threads) {
  return joined(run(search_across(a, left, b, right, threshold), threads));
}

std::vector<std::vector<Edge>> near_pairs_by_block(const ComparableRows& rows,
                                                   std::span<const std::int32_t> members, float threshold,
                                                   std::size_t threads) {
  return run(search_among(rows, members, threshold), threads);
}

std::vector<std::vector<Edge>> near_pairs_by_block(const ComparableRows& a,
                                                   std::span<const std::int32_t> left,
                                                   const ComparableRows& b,
                                                   std::span<const std::int32_t> right, float threshold,
                                                   std::size_t threads) {
  return run(search_across(a, left, b, right, threshold), threads);
}

std::vector<Edge> nearest_pairs(const ComparableRows& rows, std::span<const std::int32_t> members,
                                float threshold, std::size_t most, std::size_t threads) {
  Search search = search_among(rows, members, threshold);
  search.most = most;
  return joined(run(search, threads));
}

std::vector<Edge> nearest_pairs(const ComparableRows& a, std::span<const std::int32_t> left,
                                const ComparableRows& b, std::span<const std::int32_t> right, float threshold,
                                std::size_t most, std::size_t threads) {
  Search search = search_across(a, left, b, right, threshold);
  search.most = most;
  return joined(run(search, threads));
}

void count_near_pairs(const ComparableRows& rows, std::span<const std::int32_t> members, float threshold,
                      std::span<std::atomic<std::int64_t>> counts, std::size_t threads) {
  const Search search = search_among(rows, members, threshold);
  const std::size_t block = StripSide::rows_per_block(search.rule().face_dims, members.size(), threads);
  parallel_for(members.size(), block, threads,
               [&](std::size_t begin, std::size_t end) { BlockSearch(search, begin, end).count(counts); });
}

}  // namespace fastface
