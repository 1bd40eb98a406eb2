// The sweep of linkage.hpp over one connected component.
#pragma once

#include <cstdint>
#include <functional>
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

// The next edges by ascending distance, with all those of their last one's distance; none: there are no more.
using NextEdges = std::function<std::span<const Edge>()>;

// n_voices: of each leaf of one component, by ascending name, how many members speak for it.  next,
// against: edges and pairs of these leaves, by index.  Returns the merges in order, named by index.
std::vector<Merge> sweep(std::span<const std::int64_t> n_voices, const NextEdges& next,
                         std::span<const Against> against, std::span<const CutStep> cut);

}  // namespace fastface
