#include "algorithms/linkage_input.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <utility>

#include "algorithms/sort_edges.hpp"
#include "core/parallel.hpp"
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

namespace {

// What some edges are, in order.
struct Taken {
  std::size_t count = 0;           // within the threshold
  bool sorted = true;              // those among them
  Edge first{}, last{};            // of them
  std::optional<std::size_t> bad;  // the first that must be refused
};

Taken look_through(const LinkageProblem& problem, std::size_t begin, std::size_t end) {
  const float widest = problem.cut.back().threshold;
  Taken taken;
  for (std::size_t k = begin; k < end; ++k) {
    const Edge edge{problem.i[k], problem.j[k], problem.distance[k]};
    const bool in_range = edge.i >= 0 && edge.i < edge.j && static_cast<std::size_t>(edge.j) < problem.n;
    if (!in_range || std::isnan(edge.d)) {
      taken.bad = k;
      return taken;
    }
    if (edge.d > widest) continue;
    if (!taken.count++)
      taken.first = edge;
    else if (!by_ends(taken.last, edge))
      taken.sorted = false;
    taken.last = edge;
  }
  return taken;
}

[[noreturn]] void refuse_edge(const LinkageProblem& problem, std::size_t k) {
  const std::string ends = text({problem.i[k], problem.j[k]});
  if (std::isnan(problem.distance[k])) refuse("edges", "the distance of " + ends + " is NaN");
  refuse("edges", "expected 0 <= i < j < " + std::to_string(problem.n) + ", got " + ends);
}

void refuse_repeats(const RawVector<Edge>& edges) {
  Breath breath;
  for (std::size_t k = 1; k < edges.size(); ++k) {
    if (!by_ends(edges[k - 1], edges[k])) refuse("edges", text({edges[k].i, edges[k].j}) + " is there twice");
    breath();
  }
}

}  // namespace

RawVector<Edge> take_edges(const LinkageProblem& problem) {
  // Each edge may leave two entries in the sweep's chains of neighbours, counted in 32 bits.
  constexpr std::size_t kMostEdges = std::size_t{1} << 30;
  const std::size_t n_given = problem.distance.size();
  if (n_given >= kMostEdges)
    refuse("edges", "fewer than 2**30 fit, got " + std::to_string(n_given) + "; crowd_edges finds fewer");
  std::vector<Taken> pieces((n_given + kEdgesPerPiece - 1) / kEdgesPerPiece);
  parallel_for(n_given, kEdgesPerPiece, problem.threads, [&](std::size_t begin, std::size_t end) {
    pieces[begin / kEdgesPerPiece] = look_through(problem, begin, end);
  });
  std::size_t total = 0;
  bool sorted = true;
  const Taken* before = nullptr;
  for (Taken& piece : pieces) {
    if (piece.bad) refuse_edge(problem, *piece.bad);
    if (piece.count && before && !by_ends(before->last, piece.first)) sorted = false;
    if (piece.count) before = &piece;
    sorted &= piece.sorted;
    total += std::exchange(piece.count, total);
  }
  const float widest = problem.cut.back().threshold;
  RawVector<Edge> edges(total);
  parallel_for(n_given, kEdgesPerPiece, problem.threads, [&](std::size_t begin, std::size_t end) {
    std::size_t at = pieces[begin / kEdgesPerPiece].count;
    for (std::size_t k = begin; k < end; ++k)
      if (problem.distance[k] <= widest)
        edges[at++] = {problem.i[k], problem.j[k], problem.distance[k] + 0.0f};  // -0 becomes 0
  });
  if (!sorted) {
    sort_by_ends(edges, problem.n);
    refuse_repeats(edges);
  }
  return edges;
}

void overrule(RawVector<Edge>& edges, std::span<const Pair> pairs) {
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
