// Union-find whose caller chooses the root.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace fastface {

class DisjointSets {
 public:
  explicit DisjointSets(std::size_t n = 0) { reset(n); }

  void reset(std::size_t n) {
    parent_.resize(n);
    std::iota(parent_.begin(), parent_.end(), 0);
  }

  std::int32_t find(std::int32_t x) {
    while (parent_[x] != x) x = parent_[x] = parent_[parent_[x]];  // path halving
    return x;
  }

  // Both must be roots.
  void attach(std::int32_t child, std::int32_t root) { parent_[child] = root; }

 private:
  std::vector<std::int32_t> parent_;
};

}  // namespace fastface
