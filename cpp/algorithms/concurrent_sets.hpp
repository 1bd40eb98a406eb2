// Union-find by many threads at once. The root of a set is its least member, whoever comes first.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fastface {

// Without locks, after Jayanti and Tarjan (2016): a root is linked by compare-and-swap, always to a
// smaller one, so there are no cycles; who is no root never is again, so halving a path cannot go wrong.
class ConcurrentSets {
 public:
  explicit ConcurrentSets(std::size_t n) : parent_(n) {
    for (std::size_t x = 0; x < n; ++x)
      parent_[x].store(static_cast<std::int32_t>(x), std::memory_order_relaxed);
  }

  std::int32_t find(std::int32_t x) {
    for (std::int32_t parent = load(x); parent != x; parent = load(x)) {
      const std::int32_t above = load(parent);
      if (above != parent) parent_[x].store(above, std::memory_order_relaxed);
      x = above;
    }
    return x;
  }

  void unite(std::int32_t x, std::int32_t y) {
    for (;;) {
      auto [low, high] = std::minmax({find(x), find(y)});
      if (low == high) return;
      if (parent_[high].compare_exchange_strong(high, low, std::memory_order_relaxed)) return;
    }
  }

 private:
  std::int32_t load(std::int32_t x) const { return parent_[x].load(std::memory_order_relaxed); }

  std::vector<std::atomic<std::int32_t>> parent_;
};

}  // namespace fastface
