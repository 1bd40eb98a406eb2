// Who votes in bounded mode.
//
// Observations are visited in a random order (a seeded hash of the index); one becomes a voter
// unless `max_members` of its neighbours already are. So a voter has fewer than `max_members`
// earlier voters as neighbours, and everyone else has at least `max_members` voters next to it:
// sparse regions vote in full (nothing is lost there), crowded ones through a random sample.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/linkage.hpp"

namespace fastface {

// edges: the neighbours, i < j.  Returns n flags.
std::vector<std::uint8_t> choose_voters(std::size_t n, std::span<const Edge> edges, std::size_t max_members,
                                        std::uint64_t seed);

}  // namespace fastface
