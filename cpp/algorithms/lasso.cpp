#include "algorithms/lasso.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <stdexcept>
#include <string>

#include "algorithms/lasso_problem.hpp"
#include "algorithms/lasso_solve.hpp"
#include "core/parallel.hpp"
#include "core/watch.hpp"

namespace fastface {

namespace lasso_solvers {

namespace {

// Queries that are correlated with all atoms together. A block reads the whole dictionary, so it is
// large: words come by panels of rows, products of rows by tiles of four. But a small batch is better
// spread over the cores.
std::size_t block_size(const Atoms& atoms, std::size_t n_queries) {
  if (!atoms.has_words()) return std::clamp<std::size_t>(n_queries / 16 * 4, 4, 32);
  const std::size_t panel = atoms.kernels().tile_rows;
  constexpr std::size_t kPanels = 4;  // fewer while that leaves a core idle
  return panel * std::clamp<std::size_t>(n_queries / (4 * panel), 1, kPanels);
}

void require(bool condition, const std::string& message) {
  if (!condition) throw std::invalid_argument(message);
}

void check(const Atoms& atoms, MatrixView<const float> queries, std::span<const double> lams,
           const LassoOptions& options) {
  require(atoms.dims() == queries.cols, "queries: expected " + std::to_string(atoms.dims()) +
                                            " columns like the dictionary, got " +
                                            std::to_string(queries.cols));
  for (const double lam : lams)
    require(lam > 0 && std::isfinite(lam), "lam: expected a positive finite number");
  require(options.tol >= 0 && std::isfinite(options.tol), "tol: expected a finite number, 0 or more");
  require(options.max_iter >= 1, "max_iter: expected at least 1, got " + std::to_string(options.max_iter));
  for (std::size_t i = 0; i < queries.rows; ++i)
    require_range(atoms.kernels().dot(queries.row(i), queries.row(i), queries.cols), "queries", i);
}

LassoCodes join(const std::vector<Code>& codes) {
  LassoCodes result;
  result.indptr.push_back(0);
  for (const Code& code : codes) {
    result.indices.insert(result.indices.end(), code.atoms.begin(), code.atoms.end());
    result.values.insert(result.values.end(), code.values.begin(), code.values.end());
    result.indptr.push_back(static_cast<std::int64_t>(result.indices.size()));
    result.gap.push_back(static_cast<float>(code.gap));
    result.n_iter.push_back(code.n_iter);
  }
  return result;
}

}  // namespace

void prepare(Atoms& atoms, std::size_t n_queries, const LassoOptions& options) {
  if (options.solver != LassoSolver::cd) return;
  // A query needs the products of some 30 atoms, quantising an atom takes as long as ten products.
  if (atoms.size() <= kMostGramAtoms && n_queries >= atoms.size() / 4)
    atoms.keep_gram(options.threads);
  else if (atoms.words_suit() && n_queries >= 2 * atoms.kernels().tile_rows)
    atoms.keep_words(options.threads);
}

std::vector<LassoCodes> solve(const Atoms& atoms, MatrixView<const float> queries,
                              std::span<const double> lams, const LassoOptions& options) {
  check(atoms, queries, lams, options);
  const Problem problem(atoms, options);
  const double lipschitz = options.solver == LassoSolver::cd ? 0 : estimate_lipschitz(atoms);
  std::vector<std::vector<Code>> codes(lams.size(), std::vector<Code>(queries.rows));
  const Stage stage(queries.rows * lams.size());
  parallel_for(queries.rows, block_size(atoms, queries.rows), options.threads,
               [&](std::size_t begin, std::size_t end) {
                 const MatrixView<const float> block{queries.row(begin), end - begin, queries.cols};
                 std::vector<std::span<Code>> results;
                 for (std::vector<Code>& of_lam : codes)
                   results.push_back(std::span(of_lam).subspan(begin, end - begin));
                 if (options.solver == LassoSolver::cd)
                   solve_by_coordinates(problem, block, lams, results);
                 else
                   solve_by_gradient(problem, block, lams, options.solver == LassoSolver::fista, lipschitz,
                                     results);
               });
  std::vector<LassoCodes> joined;
  for (const std::vector<Code>& of_lam : codes) {
    joined.push_back(join(of_lam));
    joined.back().n_atoms = atoms.size();
  }
  return joined;
}

}  // namespace lasso_solvers

std::vector<LassoCodes> lasso_path(MatrixView<const float> dictionary, MatrixView<const float> queries,
                                   std::span<const double> lams, const LassoOptions& options) {
  lasso_solvers::Atoms atoms(dictionary.cols);
  atoms.append(dictionary, "dictionary", options.threads);
  lasso_solvers::prepare(atoms, queries.rows, options);
  return lasso_solvers::solve(atoms, queries, lams, options);
}

LassoCodes lasso(MatrixView<const float> dictionary, MatrixView<const float> queries,
                 const LassoOptions& options) {
  return std::move(lasso_path(dictionary, queries, std::span(&options.lam, 1), options).front());
}

}  // namespace fastface
