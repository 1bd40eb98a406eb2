// What median_linkage() takes, checked and put in order. All throw std::invalid_argument.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "algorithms/linkage.hpp"
#include "core/buffer.hpp"
#include "core/parallel.hpp"

namespace fastface {

[[noreturn]] void refuse(const char* argument, const std::string& what);

std::string text(Pair pair);

// Each pair with the smaller index first, sorted, without repeats.
std::vector<Pair> tidy_pairs(std::span<const Pair> pairs, std::size_t n, const char* argument);

void check_cut(std::span<const CutStep> cut);

// The edges within the largest threshold, sorted by (i, j).
RawVector<Edge> take_edges(const LinkageProblem& problem);

// Removes the edges of sorted pairs.
void overrule(RawVector<Edge>& edges, std::span<const Pair> pairs);

inline constexpr std::size_t kEdgesPerPiece = std::size_t{1} << 17;

// Removes the edges for which keep(edge) is false; it may change those that stay.
template <class Keep>
void keep_if(RawVector<Edge>& edges, std::size_t threads, Keep keep) {
  std::vector<std::size_t> kept((edges.size() + kEdgesPerPiece - 1) / kEdgesPerPiece);
  parallel_for(edges.size(), kEdgesPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    std::size_t at = begin;
    for (std::size_t k = begin; k < end; ++k)
      if (Edge edge = edges[k]; keep(edge)) edges[at++] = edge;
    kept[begin / kEdgesPerPiece] = at - begin;
  });
  auto end = edges.begin();
  for (std::size_t piece = 0; piece < kept.size(); ++piece) {
    const auto from = edges.begin() + static_cast<std::ptrdiff_t>(piece * kEdgesPerPiece);
    end = std::move(from, from + static_cast<std::ptrdiff_t>(kept[piece]), end);
  }
  edges.erase(end, edges.end());
}

}  // namespace fastface
