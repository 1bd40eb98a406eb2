// The random order of bounded mode: by a seeded hash of the index, so that it depends on nothing
// else and is the same on every machine.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "core/parallel.hpp"

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

// Keys are spread evenly: their first bits divide the indices into short lists, sorted by all threads.
inline void sort_by_visit(std::vector<std::int32_t>& indices, std::uint64_t seed, std::size_t threads) {
  struct Visit {
    std::uint64_t key;
    std::int32_t index;
  };
  constexpr std::size_t kPerList = 64;
  constexpr int kMostBits = 20;
  const int bits = std::min(static_cast<int>(std::bit_width(indices.size() / kPerList)), kMostBits);
  const auto list_of = [bits](std::uint64_t key) { return bits ? key >> (64 - bits) : 0; };
  std::vector<std::size_t> next((std::size_t{1} << bits) + 1, 0);
  for (const std::int32_t index : indices) ++next[list_of(visit_key(seed, index)) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  std::vector<Visit> visits(indices.size());
  for (const std::int32_t index : indices) {
    const std::uint64_t key = visit_key(seed, index);
    visits[next[list_of(key)]++] = {key, index};
  }
  // Each list now ends where the next one began.
  constexpr std::size_t kListsPerPiece = 64;
  parallel_for(next.size() - 1, kListsPerPiece, threads, [&](std::size_t first, std::size_t last) {
    for (std::size_t list = first; list < last; ++list) {
      const std::size_t begin = list ? next[list - 1] : 0;
      const auto part = std::span(visits).subspan(begin, next[list] - begin);
      std::sort(part.begin(), part.end(), [](const Visit& a, const Visit& b) { return a.key < b.key; });
      for (std::size_t k = 0; k < part.size(); ++k) indices[begin + k] = part[k].index;
    }
  });
}

}  // namespace fastface
