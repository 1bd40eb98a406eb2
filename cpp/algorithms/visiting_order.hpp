// The random order of bounded mode: by a seeded hash of the index, so that it depends on nothing
// else and is the same on every machine.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fastface {

// SplitMix64 (Steele, Lea and Flood, 2014): a bijection, so no two indices share a key.
inline std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

inline std::uint64_t visit_key(std::uint64_t seed, std::int32_t index) {
  return mix(mix(seed) ^ static_cast<std::uint64_t>(index));
}

inline void sort_by_visit(std::vector<std::int32_t>& indices, std::uint64_t seed) {
  std::sort(indices.begin(), indices.end(),
            [&](std::int32_t a, std::int32_t b) { return visit_key(seed, a) < visit_key(seed, b); });
}

}  // namespace fastface
