#include "algorithms/linkage_input.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "algorithms/sort_edges.hpp"
#include "core/watch.hpp"

namespace fastface {
namespace {

bool by_ends(const Edge& a, const Edge& b) { return a.i != b.i ? a.i < b.i : a.j < b.j; }

}  // namespace

void refuse(const char* argument, const std::string& what) {
  throw std::invalid_argument(std::string(argument) + ": " + what);
}

std::string text(Pair pair) {
  std::string written = "(";
  return written.append(std::to_string(pair.i)).append(", ").append(std::to_string(pair.j)).append(")");
}

std::vector<Pair> tidy_pairs(std::span<const Pair> pairs, std::size_t n, const char* argument) {
  std::vector<Pair> tidy(pairs.begin(), pairs.end());
  for (Pair& pair : tidy) {
    if (pair.i > pair.j) std::swap(pair.i, pair.j);
    if (pair.i < 0 || pair.j >= static_cast<std::int64_t>(n) || pair.i == pair.j)
      refuse(argument,
             "expected two different observations below " + std::to_string(n) + ", got " + text(pair));
  }
  std::sort(tidy.begin(), tidy.end(), [](Pair a, Pair b) { return a.i != b.i ? a.i < b.i : a.j < b.j; });
  tidy.erase(std::unique(tidy.begin(), tidy.end(), [](Pair a, Pair b) { return a.i == b.i && a.j == b.j; }),
             tidy.end());
  return tidy;
}

void check_cut(std::span<const CutStep> cut) {
  if (cut.empty() || cut[0].pairs != 1) refuse("threshold", "the first step must be for 1 pair");
  for (std::size_t k = 0; k < cut.size(); ++k) {
    if (std::isnan(cut[k].threshold)) refuse("threshold", "must not be NaN");
    if (k && (cut[k].pairs <= cut[k - 1].pairs || cut[k].threshold < cut[k - 1].threshold))
      refuse("threshold", "steps must ascend in pairs and not fall in threshold");
  }
}

std::vector<Edge> take_edges(const LinkageProblem& problem) {
  // Each edge may leave two entries in the sweep's chains of neighbours, counted in 32 bits.
  constexpr std::size_t kMostEdges = std::size_t{1} << 30;
  if (problem.distance.size() >= kMostEdges)
    refuse("edges", "fewer than 2**30 fit, got " + std::to_string(problem.distance.size()) +
                        "; crowd_edges finds fewer");
  const float widest = problem.cut.back().threshold;
  std::vector<Edge> edges;
  edges.reserve(problem.distance.size());
  bool sorted = true;
  Breath breath;
  for (std::size_t k = 0; k < problem.distance.size(); ++k) {
    breath();
    const Edge edge{problem.i[k], problem.j[k], problem.distance[k] + 0.0f};  // -0 becomes 0
    if (edge.i < 0 || edge.i >= edge.j || static_cast<std::size_t>(edge.j) >= problem.n)
      refuse("edges",
             "expected 0 <= i < j < " + std::to_string(problem.n) + ", got " + text({edge.i, edge.j}));
    if (std::isnan(edge.d)) refuse("edges", "the distance of " + text({edge.i, edge.j}) + " is NaN");
    if (edge.d > widest) continue;
    if (!edges.empty() && !by_ends(edges.back(), edge)) sorted = false;
    edges.push_back(edge);
  }
  if (!sorted) sort_by_ends(edges, problem.n);
  for (std::size_t k = 1; k < edges.size(); ++k) {
    if (!by_ends(edges[k - 1], edges[k])) refuse("edges", text({edges[k].i, edges[k].j}) + " is there twice");
    breath();
  }
  return edges;
}

void overrule(std::vector<Edge>& edges, std::span<const Pair> pairs) {
  if (pairs.empty()) return;
  auto next = pairs.begin();
  Breath breath;
  std::erase_if(edges, [&](const Edge& edge) {
    breath();
    while (next != pairs.end() && (next->i < edge.i || (next->i == edge.i && next->j < edge.j))) ++next;
    return next != pairs.end() && next->i == edge.i && next->j == edge.j;
  });
}

}  // namespace fastface
