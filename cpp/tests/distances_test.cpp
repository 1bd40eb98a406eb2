#include "algorithms/distances.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "algorithms/panels.hpp"
#include "check.hpp"

using namespace fastface;
using test::Matrix;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Around the tiles of every target (6 or 14 rows, 8 to 32 columns) and around a block of tiles.
const std::size_t kSizes[] = {0, 1, 2, 5, 6, 7, 8, 13, 14, 15, 31, 32, 33, 65, 130};

double product(const float* a, const float* b, std::size_t n) {
  double sum = 0;
  for (std::size_t k = 0; k < n; ++k) sum += static_cast<double>(a[k]) * b[k];
  return sum;
}

bool same(const Edges& a, const Edges& b) { return a.i == b.i && a.j == b.j && a.d == b.d; }

void inner_products_agree_with_a_plain_loop() {
  for (const std::size_t rows : kSizes)
    for (const std::size_t dims : {1u, 3u, 17u, 128u}) {
      const Matrix a = test::embeddings(rows, dims, 3, 1);
      const Matrix b = test::embeddings(rows / 2 + 1, dims, 3, 2);
      Matrix out(a.rows, b.rows);
      inner_products(a.view(), b.view(), out.out(), 1);
      for (std::size_t i = 0; i < a.rows; ++i)
        for (std::size_t j = 0; j < b.rows; ++j)
          CHECK(std::abs(out.row(i)[j] - product(a.row(i), b.row(j), dims)) < 1e-5);
      Matrix threaded(a.rows, b.rows);
      inner_products(a.view(), pack(b.view(), kernels().tile_cols, 4), threaded.out(), 4);
      CHECK(threaded.values == out.values);
    }
}

// Every third torso and every fifth face missing.
std::pair<Matrix, Matrix> observations(std::size_t rows) {
  Matrix faces = test::embeddings(rows, 19, 4, 3);
  Matrix torsos = test::embeddings(rows, 7, 4, 4);
  for (std::size_t r = 0; r < rows; ++r) {
    if (r % 5 == 4) std::fill_n(faces.row(r), faces.cols, r % 2 ? 0.0f : kNaN);
    if (r % 3 == 2) std::fill_n(torsos.row(r), torsos.cols, r % 2 ? kNaN : -0.0f);
  }
  return {faces, torsos};
}

double expected_distance(const Matrix& faces, const Matrix& torsos, std::size_t i, std::size_t j,
                         double alpha, double beta, bool torso_alone) {
  const bool has_faces = i % 5 != 4 && j % 5 != 4;
  const bool has_torsos = i % 3 != 2 && j % 3 != 2;
  const double face = has_faces ? std::max(0.0, 1 - product(faces.row(i), faces.row(j), faces.cols)) : 0;
  const double torso = has_torsos ? std::max(0.0, 1 - product(torsos.row(i), torsos.row(j), torsos.cols)) : 0;
  if (has_faces) return has_torsos ? std::min(face, alpha * face + beta * torso) : face;
  return has_torsos && torso_alone ? beta * torso : kInfinity;
}

void block_and_edges_agree_with_the_definition() {
  for (const std::size_t rows : kSizes) {
    const auto [faces, torsos] = observations(rows);
    for (const FusedWeights weights :
         {FusedWeights{1, 1}, FusedWeights{0.5f, 0.25f}, FusedWeights{0, 0.5f}}) {
      Matrix block(rows, rows);
      fused_distances(faces.view(), torsos.view(), weights, block.out(), 2);
      const Edges edges = pairwise_edges(faces.view(), torsos.view(), {}, 0.4f, weights, 2);
      std::size_t at = 0;
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < rows; ++j) {
          const float d = block.row(i)[j];
          CHECK(d == block.row(j)[i]);
          if (i == j) {
            CHECK(d == (i % 5 == 4 ? kInfinity : 0));
            continue;
          }
          const double expected = expected_distance(faces, torsos, i, j, weights.alpha, weights.beta, false);
          CHECK(d == expected || std::abs(d - expected) < 1e-5);
          if (i < j && d <= 0.4f) {
            CHECK(at < edges.i.size() && edges.i[at] == static_cast<int>(i) &&
                  edges.j[at] == static_cast<int>(j) && edges.d[at] == d);
            ++at;
          }
        }
      CHECK(at == edges.i.size());
    }
  }
}

void groups_bound_the_pairs() {
  const std::size_t rows = 130;
  const auto [faces, torsos] = observations(rows);
  std::vector<std::int64_t> groups(rows);
  for (std::size_t r = 0; r < rows; ++r) groups[r] = static_cast<std::int64_t>(r * r % 7) - 3;
  const Edges edges = pairwise_edges(faces.view(), torsos.view(), groups, 0.4f, {0.5f, 0.5f}, 1);
  std::size_t at = 0;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = i + 1; j < rows; ++j) {
      const double expected = expected_distance(faces, torsos, i, j, 0.5, 0.5, true);
      if (groups[i] != groups[j] || expected > 0.4) continue;
      CHECK(at < edges.i.size() && edges.i[at] == static_cast<int>(i) && edges.j[at] == static_cast<int>(j) &&
            std::abs(edges.d[at] - expected) < 1e-5);
      ++at;
    }
  CHECK(at == edges.i.size() && at > 0);
  CHECK(same(edges, pairwise_edges(faces.view(), torsos.view(), groups, 0.4f, {0.5f, 0.5f}, 4)));
}

// A group above the size where it is given all threads, beside small ones.
void large_groups_keep_the_order() {
  const std::size_t rows = 1500;
  const Matrix faces = test::embeddings(rows, 8, 3, 5);
  std::vector<std::int64_t> groups(rows);
  for (std::size_t r = 0; r < rows; ++r) groups[r] = r % 5 == 0 ? static_cast<std::int64_t>(r) : 0;
  const Edges edges = pairwise_edges(faces.view(), {}, groups, 0.1f, {}, 4);
  CHECK(!edges.i.empty());
  for (std::size_t e = 1; e < edges.i.size(); ++e)
    CHECK(std::pair(edges.i[e - 1], edges.j[e - 1]) < std::pair(edges.i[e], edges.j[e]));
  CHECK(same(edges, pairwise_edges(faces.view(), {}, groups, 0.1f, {}, 1)));
}

// Rows in 8 bits rule pairs out; what they leave must be what float32 alone finds, to the bit. Thresholds
// are distances of pairs, so that some pairs lie on them and others next to them.
void quantised_search_changes_nothing() {
  for (const std::size_t dims : {1u, 3u, 16u, 67u})
    for (const float length : {1.0f, 1e-30f, 1e-42f, 1e8f}) {
      Matrix faces = test::embeddings(300, dims, 6, 8);
      Matrix torsos = test::embeddings(300, dims + 1, 6, 9);
      for (std::size_t r = 0; r < faces.rows; ++r) {
        if (r % 4 == 0) std::fill_n(faces.row(r) + 1, dims - 1, 1e-6f);  // one value that dwarfs the others
        if (r % 7 == 3) std::copy_n(faces.row(0), dims, faces.row(r));
        if (r % 11 == 5) std::fill_n(faces.row(r), dims, 0.0f);
        for (std::size_t k = 0; k < dims; ++k) faces.row(r)[k] *= r % 3 == 0 ? length : 1;
      }
      Matrix block(faces.rows, faces.rows);
      for (const FusedWeights weights : {FusedWeights{1, 1}, FusedWeights{0.5f, 0.5f}}) {
        fused_distances(faces.view(), torsos.view(), weights, block.out(), 1);
        for (const std::size_t pair : {1u, 602u, 1205u}) {
          const float threshold = std::min(block.values[pair], 2.0f);
          const auto found = [&](Quantise quantise) {
            return pairwise_edges(faces.view(), torsos.view(), {}, threshold, weights, 2, quantise);
          };
          CHECK(same(found(Quantise::always), found(Quantise::never)));
        }
      }
    }
}

void nearest_agrees_with_sorting() {
  for (const std::size_t rows : {1u, 7u, 33u, 130u}) {
    Matrix gallery = test::embeddings(rows, 19, 4, 6);
    for (std::size_t r = 0; r < rows; r += 3)  // ties: every third row repeats the first
      std::copy_n(gallery.row(0), gallery.cols, gallery.row(r));
    if (rows > 4) std::fill_n(gallery.row(4), gallery.cols, 0.0f);
    Matrix queries = test::embeddings(20, 19, 4, 6);
    std::fill_n(queries.row(19), queries.cols, 0.0f);
    for (const std::size_t k : {std::size_t{1}, std::min<std::size_t>(rows, 5), rows}) {
      std::vector<std::int64_t> indices(20 * k);
      Matrix distances(20, k);
      nearest(queries.view(), gallery.view(), {indices.data(), 20, k}, distances.out(), 2);
      Matrix products(20, rows);
      inner_products(queries.view(), gallery.view(), products.out(), 1);
      for (std::size_t q = 0; q < 20; ++q) {
        std::vector<std::pair<float, std::int64_t>> expected;
        for (std::size_t r = 0; r < rows; ++r)
          expected.emplace_back(
              q == 19 || (r == 4 && rows > 4) ? kInfinity : std::max(0.0f, 1 - products.row(q)[r]),
              static_cast<std::int64_t>(r));
        std::sort(expected.begin(), expected.end());
        for (std::size_t b = 0; b < k; ++b)
          CHECK(distances.row(q)[b] == expected[b].first && indices[q * k + b] == expected[b].second);
      }
    }
  }
}

void bad_rows_are_refused() {
  const auto edges_with = [](float value) {
    Matrix faces = test::embeddings(40, 5, 4, 7);
    faces.row(23)[2] = value;
    pairwise_edges(faces.view(), {}, {}, 0.5f, {}, 4);
  };
  CHECK(test::refuses([&] { edges_with(kNaN); }, "faces: row 23 has NaN"));
  CHECK(test::refuses([&] { edges_with(kInfinity); }, "faces: row 23 has NaN or infinite"));
  CHECK(test::refuses([&] { edges_with(1e30f); }, "faces: row 23 is too long"));
  edges_with(1e-42f);
}

}  // namespace

int main() {
  test::on_every_target([] {
    inner_products_agree_with_a_plain_loop();
    block_and_edges_agree_with_the_definition();
    groups_bound_the_pairs();
    large_groups_keep_the_order();
    quantised_search_changes_nothing();
    nearest_agrees_with_sorting();
    bad_rows_are_refused();
  });
  return test::result();
}
