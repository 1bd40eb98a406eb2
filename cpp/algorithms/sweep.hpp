// The sweep of linkage.hpp over one connected component.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/linkage.hpp"

namespace fastface {

// Evidence against a pair of leaves: that many pairs of members that are far apart.
struct Against {
  std::int32_t a, b;
  std::int64_t votes;
};

// Against any majority: no count of pairs comes near it, and two of them do not overflow.
inline constexpr std::int64_t kNever = std::int64_t{1} << 60;

// n_voices: of each leaf of one component, by ascending name, how many members speak for it.  edges,
// against: between these leaves, by index; edges sorted by distance.  Returns the merges in order,
// named by index.
std::vector<Merge> sweep(std::span<const std::int64_t> n_voices, std::span<const Edge> edges,
                         std::span<const Against> against, std::span<const CutStep> cut);

}  // namespace fastface
