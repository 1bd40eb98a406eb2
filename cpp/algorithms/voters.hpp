// Who votes in bounded mode.
//
// Observations are visited in a random order (a seeded hash of the index); one becomes a voter
// unless `max_members` of its neighbours already are. So everyone who is no voter has at least
// `max_members` voters next to it: sparse regions vote in full and lose nothing, crowds vote
// through a random sample. Only distances to voters count, and who is no voter hears only the
// 2 * max_members nearest of them: without that a blurred face that resembles everybody would have
// everybody as its neighbours. A voter has fewer than `max_members` voters before it, so no more
// than 2 * max_members edges per observation are left, however crowded the library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/distances.hpp"
#include "core/kernels.hpp"
#include "core/view.hpp"

namespace fastface {

// n flags. edges: the neighbours, i < j.
std::vector<std::uint8_t> choose_voters(std::size_t n, std::span<const Edge> edges, std::size_t max_members,
                                        std::uint64_t seed);

// Drops the edges that do not count.
void keep_heard(std::vector<Edge>& edges, std::span<const std::uint8_t> voters, std::size_t max_members);

struct VoterEdges {
  Edges edges;                       // sorted by (i, j)
  std::vector<std::uint8_t> voters;  // n flags
};

// The same from unit rows: D = max(0, 1 - <x_i, x_j>) <= threshold, within groups if there are any
// (one id per row, or empty). Never holds more than what it returns and a block of distances, and
// looks only at pairs of a row and a voter. Throws std::invalid_argument for a row of zeros or of
// values that are not finite. The bits do not depend on `threads` (0 = one per core).
VoterEdges voter_edges(MatrixView<const float> faces, std::span<const std::int64_t> groups, float threshold,
                       std::size_t max_members, std::uint64_t seed, std::size_t threads);

}  // namespace fastface
