// Agglomerative clustering with the median-of-members linkage, on a sparse list of distances.
//
// The distance of two clusters is the lower median of the distances between their members; a pair
// missing from the list is farther apart than every threshold. A median of a union lies between
// the medians of its parts, so merges never go down, and the median of (A, B) reaches d exactly
// when half of the |A||B| pairs are within d. Hence a sweep over the distances in ascending order
// in which every pair is one vote, and two clusters merge as soon as half of their pairs have
// voted: Kruskal's algorithm with a majority. It needs one counter per pair of touching clusters,
// no medians, and gives the tree of the greedy algorithm.
//
// Ties: a cluster is called by its largest member; among pairs of clusters at one distance the
// smaller name goes first, then the smaller other name. A union's name is never smaller than its
// parts', so the tree is unique: it depends neither on the order of the edges nor on the threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/kernels.hpp"

namespace fastface {

struct Pair {
  std::int64_t i, j;  // any order, i != j
};

// Clusters with at least `pairs` pairs of members between them merge up to `threshold`.
struct CutStep {
  std::int64_t pairs;
  float threshold;
};

struct Merge {
  std::int32_t a, b;  // the names (largest members) of the two clusters, a < b
  float distance;
};

struct LinkageProblem {
  std::size_t n = 0;
  std::span<const std::int32_t> i = {}, j = {};  // i[k] < j[k], each pair once, any order
  std::span<const float> distance = {};          // NaN is refused
  std::span<const CutStep> cut = {};             // ascending; the first for 1 pair; thresholds never fall

  std::span<const Pair> must_link = {};         // in one cluster from the start, at height 0
  std::span<const Edge> joined = {};            // likewise, at heights of their own (crowd_edges.hpp)
  std::span<const Pair> cannot_link = {};       // never in one cluster
  std::span<const Pair> soft_cannot_link = {};  // each counts as `soft_votes` pairs that are far apart,
  std::int64_t soft_votes = 1;                  // whatever its own distance

  // (n) flags: whose distances count (crowd_edges.hpp); empty: everyone's. A leaf, which is what
  // must_link and joined put together, speaks through its voters, or through all if it has none.
  std::span<const std::uint8_t> voters = {};

  std::size_t threads = 0;
};

struct Linkage {
  std::vector<std::int64_t> labels;  // (n), numbered by first appearance
  std::vector<double> merges;        // (n-1, 4), SciPy's linkage matrix; infinite above the cut
  std::size_t n_clusters = 0;
};

// Throws std::invalid_argument, naming the argument, for edges or pairs that are out of range or
// repeated, and for must_link and cannot_link that contradict each other.
Linkage median_linkage(const LinkageProblem& problem);

// The merges within the cut alone, in order.
std::vector<Merge> median_merges(const LinkageProblem& problem);

}  // namespace fastface
