// Median-of-members linkage: against the definition, constraints, crowds, refusals.
#include "algorithms/linkage.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "algorithms/crowd_edges.hpp"
#include "check.hpp"

namespace fastface::test {
namespace {

struct Graph {
  std::size_t n;
  std::vector<std::int32_t> i, j;
  std::vector<float> d;
};

// Distances in `steps` steps, so that ties abound.
Graph random_graph(std::size_t n, float density, int steps, std::uint64_t seed) {
  Graph graph{n, {}, {}, {}};
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t i = 0; i < j; ++i) {
      if (uniform(seed) + 0.5f >= density) continue;
      graph.i.push_back(static_cast<std::int32_t>(i));
      graph.j.push_back(static_cast<std::int32_t>(j));
      graph.d.push_back(std::floor((uniform(seed) + 0.5f) * static_cast<float>(steps)) /
                        static_cast<float>(steps));
    }
  return graph;
}

Linkage link(const Graph& graph, float threshold, LinkageProblem problem = {}) {
  const CutStep cut{1, threshold};
  problem.n = graph.n;
  problem.i = graph.i;
  problem.j = graph.j;
  problem.distance = graph.d;
  if (problem.cut.empty()) problem.cut = {&cut, 1};
  return median_linkage(problem);
}

// The heights at which the greedy algorithm merges, every median taken anew.
std::vector<double> greedy_heights(const Graph& graph, float threshold) {
  std::vector<std::vector<float>> distance(graph.n, std::vector<float>(graph.n, INFINITY));
  for (std::size_t k = 0; k < graph.d.size(); ++k)
    distance[static_cast<std::size_t>(graph.i[k])][static_cast<std::size_t>(graph.j[k])] =
        distance[static_cast<std::size_t>(graph.j[k])][static_cast<std::size_t>(graph.i[k])] = graph.d[k];
  std::vector<std::vector<std::size_t>> clusters;  // by largest member, ascending
  for (std::size_t i = 0; i < graph.n; ++i) clusters.push_back({i});
  std::vector<double> heights;
  for (;;) {
    float best = INFINITY;
    std::size_t low = 0, high = 0;
    for (std::size_t a = 0; a < clusters.size(); ++a)
      for (std::size_t b = a + 1; b < clusters.size(); ++b) {
        std::vector<float> values;
        for (const std::size_t x : clusters[a])
          for (const std::size_t y : clusters[b]) values.push_back(distance[x][y]);
        const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
        std::nth_element(values.begin(), middle, values.end());
        if (*middle < best) best = *middle, low = a, high = b;
      }
    if (!(best <= threshold)) return heights;
    heights.push_back(best);
    clusters[high].insert(clusters[high].end(), clusters[low].begin(), clusters[low].end());
    clusters.erase(clusters.begin() + static_cast<std::ptrdiff_t>(low));
  }
}

void test_greedy() {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Graph graph = random_graph(12 + seed % 5, 0.3f + 0.1f * static_cast<float>(seed % 8), 10, seed);
    const std::vector<double> expected = greedy_heights(graph, 0.6f);
    const Linkage linkage = link(graph, 0.6f);
    CHECK(linkage.merges.size() == 4 * (graph.n - 1));
    CHECK(linkage.n_clusters == graph.n - expected.size());
    for (std::size_t k = 0; k < graph.n - 1; ++k)
      CHECK(k < expected.size() ? linkage.merges[4 * k + 2] == expected[k]
                                : std::isinf(linkage.merges[4 * k + 2]));
  }
}

void test_constraints() {
  const Graph graph = random_graph(60, 1, 20, 3);
  const std::vector<Pair> must{{3, 50}, {50, 7}}, cannot{{0, 1}, {2, 3}}, soft{{5, 6}, {8, 9}};
  const std::vector<std::uint8_t> some = {1, 0, 1, 1};
  std::vector<std::uint8_t> voters;
  for (std::size_t i = 0; i < graph.n; ++i) voters.push_back(some[i % some.size()]);
  for (const std::span<const std::uint8_t> who :
       {std::span<const std::uint8_t>(), std::span<const std::uint8_t>(voters)}) {
    const Linkage linkage = link(graph, 0.9f,
                                 {.must_link = must,
                                  .cannot_link = cannot,
                                  .soft_cannot_link = soft,
                                  .soft_votes = 10,
                                  .voters = who});
    CHECK(linkage.labels[3] == linkage.labels[7] && linkage.labels[3] == linkage.labels[50]);
    CHECK(linkage.labels[0] != linkage.labels[1] && linkage.labels[2] != linkage.labels[3]);
  }
  CHECK(refuses([&] { link(graph, 0.5f, {.must_link = must, .cannot_link = std::vector<Pair>{{7, 3}}}); },
                "cannot_link: (3, 7) contradicts must_link"));
}

void test_steps() {
  // Four in two pairs: their four distances are at 0.5, which one pair of singles may not be.
  const Graph graph{4, {0, 0, 0, 1, 1, 2}, {1, 2, 3, 2, 3, 3}, {0.1f, 0.5f, 0.5f, 0.5f, 0.5f, 0.1f}};
  const std::vector<CutStep> strict{{1, 0.4f}, {5, 0.6f}}, loose{{1, 0.4f}, {4, 0.6f}};
  CHECK(link(graph, 0, {.cut = strict}).n_clusters == 2);
  CHECK(link(graph, 0, {.cut = loose}).n_clusters == 1);
}

void test_threads() {
  Graph graph = random_graph(30, 0.5f, 8, 5);
  const std::size_t edges = graph.d.size();
  for (std::int32_t part = 1; part < 150; ++part)
    for (std::size_t k = 0; k < edges; ++k) {
      graph.i.push_back(graph.i[k] + 30 * part);
      graph.j.push_back(graph.j[k] + 30 * part);
      graph.d.push_back(graph.d[k]);
    }
  graph.n = 30 * 150;
  const Linkage one = link(graph, 0.5f, {.threads = 1});
  const Linkage four = link(graph, 0.5f, {.threads = 4});
  CHECK(one.labels == four.labels && one.merges == four.merges);
}

// So large that many threads sort while others merge. Of fewer edges, in which nobody does, the merges
// are the same as far as those reach.
void test_large_components() {
  Graph graph = random_graph(600, 1, 1000, 7);
  const std::size_t edges = graph.d.size();
  for (std::size_t k = 0; k < edges; ++k) {
    graph.i.push_back(graph.i[k] + 600);
    graph.j.push_back(graph.j[k] + 600);
    graph.d.push_back(graph.d[k]);
  }
  graph.n = 2 * 600;
  const Linkage one = link(graph, 1, {.threads = 1}), four = link(graph, 1, {.threads = 4});
  CHECK(one.labels == four.labels && one.merges == four.merges);
  const Linkage nearer = link(graph, 0.7f, {.threads = 1});
  std::size_t merged = 0;
  for (; merged < graph.n - 1 && nearer.merges[4 * merged + 2] <= 0.7; ++merged)
    for (std::size_t at = 4 * merged; at < 4 * merged + 4; ++at) CHECK(one.merges[at] == nearer.merges[at]);
  CHECK(merged > graph.n / 2);
}

bool same(const Edges& a, const Edges& b) { return a.i == b.i && a.j == b.j && a.d == b.d; }

void test_crowds() {
  const Matrix faces = embeddings(2500, 24, 250, 9);
  CrowdProblem problem{.faces = faces.view(),
                       .threshold = 0.5f,
                       .crowd_threshold = 0.4f,
                       .max_members = 10,
                       .first_sample = 200,
                       .seed = 1,
                       .threads = 1};
  const CrowdEdges one = crowd_edges(problem);
  problem.threads = 3;
  const CrowdEdges three = crowd_edges(problem);
  CHECK(same(one.edges, three.edges) && one.voters == three.voters);
  CHECK(one.joined.size() == three.joined.size() && one.joined.size() > 1000);
  for (std::size_t k = 0; k < one.edges.d.size(); ++k) {
    CHECK(one.edges.i[k] < one.edges.j[k] && one.edges.d[k] <= 0.5f);
    CHECK(one.voters[static_cast<std::size_t>(one.edges.i[k])] &&
          one.voters[static_cast<std::size_t>(one.edges.j[k])]);
  }
  for (const Edge& edge : one.joined) CHECK(edge.i != edge.j && edge.d <= 0.4f);

  problem.crowd_threshold = -1;  // nobody is in a crowd, and only rows that share a cell are compared
  problem.first_sample = 30;
  const CrowdEdges in_cells = crowd_edges(problem);
  problem.threads = 1;
  CHECK(same(in_cells.edges, crowd_edges(problem).edges) && in_cells.edges.d.size() > 1000);

  problem.first_sample = 1251;  // fewer than twice as many are all linked exactly
  const CrowdEdges all = crowd_edges(problem);
  CHECK(same(all.edges, pairwise_edges(faces.view(), {}, {}, 0.5f, {}, 1)) && all.joined.empty());
}

void test_refusals() {
  CHECK(refuses([] { link({2, {1}, {0}, {0.1f}}, 1); }, "edges: expected 0 <= i < j < 2, got (1, 0)"));
  CHECK(refuses([] { link({2, {0}, {1}, {NAN}}, 1); }, "edges: the distance of (0, 1) is NaN"));
  CHECK(refuses([] { link({2, {0, 0}, {1, 1}, {0, 0}}, 1); }, "edges: (0, 1) is there twice"));
  CHECK(refuses([] { link({2, {}, {}, {}}, NAN); }, "threshold"));
  CHECK(refuses([] { link({2, {}, {}, {}}, 1, {.must_link = std::vector<Pair>{{0, 2}}}); }, "must_link"));
  CHECK(link({0, {}, {}, {}}, 1).labels.empty());
  CHECK(link({1, {}, {}, {}}, 1).merges.empty());
}

}  // namespace
}  // namespace fastface::test

int main() {
  using namespace fastface::test;
  test_greedy();
  test_constraints();
  test_steps();
  test_threads();
  test_large_components();
  on_every_target(test_crowds);
  test_refusals();
  return result();
}
