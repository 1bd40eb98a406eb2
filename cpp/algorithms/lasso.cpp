#include "algorithms/lasso.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>

#include "algorithms/lasso_problem.hpp"
#include "core/parallel.hpp"

namespace fastface {

namespace {

using namespace lasso_solvers;

// Queries correlated with the dictionary together: each block reads all of it, so large blocks; but
// a small batch is better spread over the cores. Multiples of four fill the register tiles.
std::size_t block_size(std::size_t n_queries) { return std::clamp<std::size_t>(n_queries / 16 * 4, 4, 32); }

// Products of a few larger norms would leave float32.
constexpr float kLargestSquaredNorm = 1e30f;

void require(bool condition, const std::string& message) {
  if (!condition) throw std::invalid_argument(message);
}

void require_range(float squared_norm, const char* name, std::size_t row) {
  require(squared_norm <= kLargestSquaredNorm,
          std::string(name) + ": row " + std::to_string(row) +
              (std::isnan(squared_norm) ? " holds NaN" : " is infinite or too large (norm above 1e15)"));
}

void check(MatrixView<const float> dictionary, MatrixView<const float> queries, const LassoOptions& options) {
  require(dictionary.cols == queries.cols, "queries: expected " + std::to_string(dictionary.cols) +
                                               " columns like the dictionary, got " +
                                               std::to_string(queries.cols));
  require(dictionary.rows <= std::numeric_limits<std::int32_t>::max(),
          "dictionary: more than 2**31 - 1 atoms");
  require(options.lam > 0 && std::isfinite(options.lam), "lam: expected a positive finite number");
  require(options.tol >= 0 && std::isfinite(options.tol), "tol: expected a finite number, 0 or more");
  require(options.max_iter >= 1, "max_iter: expected at least 1, got " + std::to_string(options.max_iter));
}

}  // namespace

LassoCodes lasso(MatrixView<const float> dictionary, MatrixView<const float> queries,
                 const LassoOptions& options) {
  check(dictionary, queries, options);
  const Problem problem(dictionary, options);
  for (std::size_t j = 0; j < dictionary.rows; ++j)
    require_range(problem.norms[j] * problem.norms[j], "dictionary", j);
  for (std::size_t i = 0; i < queries.rows; ++i)
    require_range(problem.kernels.dot(queries.row(i), queries.row(i), queries.cols), "queries", i);

  const double lipschitz = options.solver == LassoSolver::cd ? 0 : estimate_lipschitz(problem);
  std::vector<Code> codes(queries.rows);
  parallel_for(
      queries.rows, block_size(queries.rows), options.threads, [&](std::size_t begin, std::size_t end) {
        const MatrixView<const float> block{queries.row(begin), end - begin, queries.cols};
        const std::span<Code> results = std::span(codes).subspan(begin, end - begin);
        if (options.solver == LassoSolver::cd)
          solve_by_coordinates(problem, block, results);
        else
          solve_by_gradient(problem, block, options.solver == LassoSolver::fista, lipschitz, results);
      });

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

}  // namespace fastface
