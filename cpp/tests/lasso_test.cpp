#include "algorithms/lasso.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "check.hpp"

using namespace fastface;
using test::Matrix;

namespace {

const LassoSolver kSolvers[] = {LassoSolver::cd, LassoSolver::ista, LassoSolver::fista};

double product(const float* a, const float* b, std::size_t n) {
  double sum = 0;
  for (std::size_t k = 0; k < n; ++k) sum += static_cast<double>(a[k]) * b[k];
  return sum;
}

std::vector<const float*> rows_of(const Matrix& matrix) {
  std::vector<const float*> rows;
  for (std::size_t r = 0; r < matrix.rows; ++r) rows.push_back(matrix.row(r));
  return rows;
}

void row_products_agree_with_a_plain_loop() {
  for (const std::size_t depth : {0u, 1u, 4u, 15u, 16u, 17u, 67u})
    for (const std::size_t left : {0u, 1u, 3u, 4u, 5u, 9u})
      for (const std::size_t right : {0u, 1u, 2u, 7u, 8u, 16u, 19u, 33u}) {
        const Matrix a = test::embeddings(left, depth, 2, 1);
        const Matrix b = test::embeddings(right, depth, 2, 2);
        const std::size_t stride = right + 3;
        std::vector<float> out(left * stride, 7);
        kernels().row_products(rows_of(a).data(), left, rows_of(b).data(), right, depth, out.data(), stride);
        for (std::size_t i = 0; i < left; ++i)
          for (std::size_t j = 0; j < stride; ++j) {
            const double expected = j < right ? product(a.row(i), b.row(j), depth) : 7;
            CHECK(std::abs(out[i * stride + j] - expected) < 1e-5);
          }
        // The bits of a product do not depend on its neighbours.
        if (left == 9 && right == 33) {
          float alone = 0;
          const float* row = a.row(4);
          const float* column = b.row(20);
          kernels().row_products(&row, 1, &column, 1, depth, &alone, 1);
          CHECK(alone == out[4 * stride + 20]);
        }
      }
}

void cholesky_solves_and_survives_singular_systems() {
  for (const std::size_t n : {0u, 1u, 2u, 5u, 16u, 33u}) {
    const Matrix basis = test::embeddings(n, n + 8, 1, 3);
    Matrix gram(n, n);
    std::vector<float> solution(n);
    std::vector<float> right(n);
    for (std::size_t i = 0; i < n; ++i) {
      solution[i] = static_cast<float>(i % 5) - 2;
      for (std::size_t j = 0; j < n; ++j)
        gram.row(i)[j] = static_cast<float>(product(basis.row(i), basis.row(j), basis.cols)) + (i == j);
    }
    for (std::size_t i = 0; i < n; ++i)
      right[i] = static_cast<float>(product(gram.row(i), solution.data(), n));
    kernels().solve_cholesky(gram.values.data(), n, n, right.data());
    for (std::size_t i = 0; i < n; ++i) CHECK(std::abs(right[i] - solution[i]) < 1e-3);
  }
  std::vector<float> zero(9);
  std::vector<float> right(3, 1);
  kernels().solve_cholesky(zero.data(), 3, 3, right.data());
  CHECK(right == std::vector<float>(3));
}

void find_pulling_finds_exactly_those() {
  for (const std::size_t n : {0u, 1u, 4u, 15u, 16u, 17u, 50u}) {
    std::vector<float> values(n);
    for (std::size_t j = 0; j < n; ++j) values[j] = (j % 2 ? -1.0f : 1.0f) * static_cast<float>(j % 7);
    for (const bool positive : {false, true}) {
      std::vector<std::int32_t> expected;
      for (std::size_t j = 0; j < n; ++j)
        if ((positive ? values[j] : std::abs(values[j])) >= 3)
          expected.push_back(static_cast<std::int32_t>(j));
      std::vector<std::int32_t> found(n + kFindingRoom);
      found.resize(kernels().find_pulling(values.data(), n, 3, positive, found.data()));
      CHECK(found == expected);
    }
  }
}

void hardest_pull_is_the_maximum() {
  for (const std::size_t n : {0u, 1u, 4u, 15u, 16u, 17u, 50u}) {
    std::vector<float> values(n);
    for (std::size_t j = 0; j < n; ++j) values[j] = (j % 2 ? -1.0f : 1.0f) * static_cast<float>((j + 5) % 11);
    for (const bool positive : {false, true}) {
      float expected = 0;
      for (const float value : values) expected = std::max(expected, positive ? value : std::abs(value));
      CHECK(kernels().hardest_pull(values.data(), n, positive) == expected);
    }
  }
}

// The relative gap from its definition, without a line of the solver's.
double gap(const Matrix& atoms, const float* query, const LassoCodes& codes, std::size_t i,
           const LassoOptions& options) {
  std::vector<double> residual(query, query + atoms.cols);
  double l1 = 0;
  for (auto t = codes.indptr[i]; t < codes.indptr[i + 1]; ++t) {
    l1 += std::abs(codes.values[t]);
    for (std::size_t k = 0; k < atoms.cols; ++k)
      residual[k] -= static_cast<double>(codes.values[t]) * atoms.row(codes.indices[t])[k];
  }
  double hardest = 0;
  for (std::size_t j = 0; j < atoms.rows; ++j) {
    double pull = 0;
    for (std::size_t k = 0; k < atoms.cols; ++k) pull += 2 * residual[k] * atoms.row(j)[k];
    hardest = std::max(hardest, options.positive ? pull : std::abs(pull));
  }
  const double scale = hardest > options.lam ? options.lam / hardest : 1;
  double primal = options.lam * l1;
  double dual = 0;
  double energy = 0;
  for (std::size_t k = 0; k < atoms.cols; ++k) {
    const double y = query[k];
    primal += residual[k] * residual[k];
    dual += y * y - (y - scale * residual[k]) * (y - scale * residual[k]);
    energy += y * y;
  }
  return (primal - dual) / energy;
}

bool same(const LassoCodes& a, const LassoCodes& b) {
  return a.indptr == b.indptr && a.indices == b.indices && a.values == b.values && a.gap == b.gap &&
         a.n_iter == b.n_iter;
}

void codes_are_certified_and_do_not_depend_on_threads() {
  const Matrix atoms = test::embeddings(140, 33, 4, 5);
  const Matrix queries = test::embeddings(40, 33, 2, 6);
  for (const LassoSolver solver : kSolvers)
    for (const bool positive : {false, true}) {
      const LassoOptions options{
          .lam = 0.5, .solver = solver, .positive = positive, .tol = 1e-5, .threads = 1};
      const LassoCodes codes = lasso(atoms.view(), queries.view(), options);
      for (std::size_t i = 0; i < queries.rows; ++i) {
        CHECK(codes.gap[i] <= 1e-5f);
        CHECK(std::abs(codes.gap[i] - gap(atoms, queries.row(i), codes, i, options)) < 1e-10);
      }
      LassoOptions threaded = options;
      threaded.threads = 4;
      CHECK(same(lasso(atoms.view(), queries.view(), threaded), codes));
    }
}

// The same queries alone, in a batch, of few atoms and of many: each way through is certified.
void every_way_is_certified() {
  for (const std::size_t n_atoms : {60u, 700u}) {
    const Matrix atoms = test::embeddings(n_atoms, 33, 20, 11);
    const Matrix queries = test::embeddings(70, 33, 20, 12);
    for (const std::size_t count : {1u, 70u}) {
      const LassoOptions options{.lam = 0.3};
      const LassoCodes codes = lasso(atoms.view(), {queries.row(0), count, queries.cols}, options);
      for (std::size_t i = 0; i < count; ++i) {
        CHECK(codes.gap[i] <= 1e-4f);
        CHECK(std::abs(codes.gap[i] - gap(atoms, queries.row(i), codes, i, options)) < 1e-10);
      }
    }
  }
}

// People come and go while others ask.
void a_dictionary_is_shared_by_threads() {
  const Matrix atoms = test::embeddings(90, 24, 3, 13);
  const Matrix queries = test::embeddings(20, 24, 3, 14);
  LassoDictionary dictionary(24);
  dictionary.add({atoms.row(0), 30, 24}, 7);
  const auto change = [&](std::size_t first) {
    for (int k = 0; k < 20; ++k) {
      dictionary.add({atoms.row(first), 30, 24}, static_cast<std::int64_t>(first));
      CHECK(dictionary.remove(static_cast<std::int64_t>(first)) == 30);
    }
  };
  std::thread one(change, 30), two(change, 60);
  for (int k = 0; k < 20; ++k) {
    const LassoCodes codes = dictionary.lasso(queries.view(), {.lam = 0.3, .threads = 2});
    for (const float found : codes.gap) CHECK(found <= 1e-4f);
    CHECK(codes.labels.size() == codes.indices.size());
  }
  one.join();
  two.join();
  CHECK(dictionary.size() == 30);
  CHECK(same(dictionary.lasso(queries.view(), {.lam = 0.3}),
             lasso({atoms.row(0), 30, 24}, queries.view(), {.lam = 0.3})));
}

// Thousands of atoms that pull as hard as the hardest, which no choice of a few can hold.
void nearly_equal_atoms_end() {
  Matrix atoms = test::embeddings(3000, 16, 3000, 7);
  for (std::size_t j = 1; j < atoms.rows; ++j)
    for (std::size_t k = 0; k < atoms.cols; ++k)
      atoms.row(j)[k] = atoms.row(0)[k] * (1 + 1e-6f * static_cast<float>(j % 11));
  const Matrix queries = test::embeddings(3, 16, 1, 8);
  const LassoOptions options{.lam = 0.1, .threads = 1};
  const LassoCodes codes = lasso(atoms.view(), queries.view(), options);
  for (std::size_t i = 0; i < queries.rows; ++i) {
    CHECK(codes.gap[i] <= 1e-4f);
    CHECK(std::abs(codes.gap[i] - gap(atoms, queries.row(i), codes, i, options)) < 1e-10);
  }
}

void bad_input_is_named() {
  Matrix atoms = test::embeddings(4, 3, 1, 9);
  const Matrix queries = test::embeddings(2, 3, 1, 10);
  const auto call = [&](LassoOptions options) {
    return [&atoms, &queries, options] { lasso(atoms.view(), queries.view(), options); };
  };
  CHECK(test::refuses(call({.lam = 0}), "lam:"));
  CHECK(test::refuses(call({.lam = 1, .tol = -1}), "tol:"));
  CHECK(test::refuses(call({.lam = 1, .max_iter = 0}), "max_iter:"));
  CHECK(
      test::refuses([&] { lasso(atoms.view(), {queries.row(0), 2, 2}, {.lam = 1}); }, "queries: expected 3"));
  atoms.row(2)[1] = std::numeric_limits<float>::quiet_NaN();
  CHECK(test::refuses(call({.lam = 1}), "dictionary: row 2 holds NaN"));
  atoms.row(2)[1] = 1e16f;
  CHECK(test::refuses(call({.lam = 1}), "dictionary: row 2 is infinite or too large"));
}

}  // namespace

int main() {
  test::on_every_target([] {
    row_products_agree_with_a_plain_loop();
    cholesky_solves_and_survives_singular_systems();
    find_pulling_finds_exactly_those();
    hardest_pull_is_the_maximum();
    codes_are_certified_and_do_not_depend_on_threads();
    every_way_is_certified();
    a_dictionary_is_shared_by_threads();
    nearly_equal_atoms_end();
    bad_input_is_named();
  });
  return test::result();
}
