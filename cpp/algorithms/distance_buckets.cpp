#include "algorithms/distance_buckets.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>
#include <utility>

#include "algorithms/sort_edges.hpp"
#include "core/parallel.hpp"
#include "core/watch.hpp"

namespace fastface {
namespace {

constexpr std::size_t kEdgesPerBucket = 4096, kMostBuckets = 4096;
constexpr std::size_t kEdgesPerPiece = std::size_t{1} << 18;

// Which bucket a distance is in; rounding keeps the order.
struct Scale {
  float least = 0, factor = 0;
  std::size_t buckets = 1;

  std::size_t bucket(float distance) const {
    if (buckets == 1) return 0;
    return std::min(static_cast<std::size_t>((distance - least) * factor), buckets - 1);
  }
};

Scale scale_of(std::span<const Edge> edges, std::size_t threads) {
  struct Range {
    float least = std::numeric_limits<float>::infinity(), most = -least;
  };
  std::vector<Range> ranges((edges.size() + kEdgesPerPiece - 1) / kEdgesPerPiece);
  parallel_for(edges.size(), kEdgesPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    Range range;
    for (const Edge& edge : edges.subspan(begin, end - begin))
      range = {std::min(range.least, edge.d), std::max(range.most, edge.d)};
    ranges[begin / kEdgesPerPiece] = range;
  });
  Range whole;
  for (const Range& range : ranges)
    whole = {std::min(whole.least, range.least), std::max(whole.most, range.most)};
  const std::size_t buckets = std::clamp<std::size_t>(edges.size() / kEdgesPerBucket, 1, kMostBuckets);
  const float factor = static_cast<float>(buckets) / (whole.most - whole.least);
  // Distances that are all equal, or infinite, share a bucket.
  if (!std::isfinite(whole.least) || !std::isfinite(factor) || factor <= 0) return {};
  return {whole.least, factor, buckets};
}

}  // namespace

DistanceBuckets::DistanceBuckets(std::span<Edge> edges, std::size_t threads)
    : edges_(edges), spread_(edges.size()) {
  const Scale scale = scale_of(edges, threads);
  const std::size_t pieces = (edges.size() + kEdgesPerPiece - 1) / kEdgesPerPiece;
  std::vector<std::vector<std::size_t>> next(pieces, std::vector<std::size_t>(scale.buckets, 0));
  parallel_for(edges.size(), kEdgesPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<std::size_t>& count = next[begin / kEdgesPerPiece];
    for (const Edge& edge : edges.subspan(begin, end - begin)) ++count[scale.bucket(edge.d)];
  });
  std::size_t total = 0;
  for (std::size_t bucket = 0; bucket < scale.buckets; ++bucket) {
    start_.push_back(total);
    for (std::vector<std::size_t>& places : next) total += std::exchange(places[bucket], total);
  }
  start_.push_back(total);
  parallel_for(edges.size(), kEdgesPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<std::size_t>& place = next[begin / kEdgesPerPiece];
    for (const Edge& edge : edges.subspan(begin, end - begin))
      spread_.data()[place[scale.bucket(edge.d)]++] = edge;
  });
  sorted_.resize(scale.buckets);
  states_ = std::vector<std::atomic<State>>(scale.buckets);
}

void DistanceBuckets::sort(std::size_t bucket) {
  State state = kUnsorted;
  if (!states_[bucket].compare_exchange_strong(state, kTaken, std::memory_order_relaxed)) return;
  const std::size_t count = start_[bucket + 1] - start_[bucket];
  sorted_[bucket] =
      sort_by_distance({spread_.data() + start_[bucket], count}, edges_.subspan(start_[bucket], count));
  states_[bucket].store(kSorted, std::memory_order_release);
}

std::span<const Edge> DistanceBuckets::sorted(std::size_t bucket) {
  sort(bucket);
  while (states_[bucket].load(std::memory_order_acquire) != kSorted) {
    breathe();  // whoever sorts it may have been stopped
    std::this_thread::yield();
  }
  return sorted_[bucket];
}

}  // namespace fastface
