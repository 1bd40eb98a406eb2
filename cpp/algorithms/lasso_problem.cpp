#include "algorithms/lasso_problem.hpp"

#include <algorithm>

namespace fastface::lasso_solvers {

Problem::Problem(MatrixView<const float> rows, const LassoOptions& options)
    : kernels(fastface::kernels()),
      dictionary(rows),
      norms(rows.rows),
      atoms(rows.rows),
      threshold(0.5 * options.lam),
      positive(options.positive),
      tol(options.tol),
      max_iter(options.max_iter) {
  for (std::size_t j = 0; j < rows.rows; ++j) {
    atoms[j] = rows.row(j);
    norms[j] = std::sqrt(kernels.dot(atoms[j], atoms[j], rows.cols));
    largest_norm = std::max(largest_norm, norms[j]);
  }
}

Residual::Residual(const Problem& problem, const float* query)
    : problem_(&problem), query_(query), wide_(problem.n_dimensions()), narrow_(problem.n_dimensions()) {
  update({}, {});
  query_squared_ = squared_;
}

void Residual::update(std::span<const std::int32_t> atoms, std::span<const float> values) {
  const Problem& problem = *problem_;
  const std::size_t d = problem.n_dimensions();
  std::copy_n(query_, d, wide_.begin());
  l1_ = 0;
  for (std::size_t t = 0; t < atoms.size(); ++t) {
    if (values[t] == 0) continue;
    l1_ += std::abs(values[t]);
    problem.kernels.axpy_wide(-values[t], problem.dictionary.row(atoms[t]), wide_.data(), d);
  }
  std::copy(wide_.begin(), wide_.end(), narrow_.begin());
  squared_ = problem.kernels.squared_norm_wide(wide_.data(), d);
  inner_ = problem.kernels.dot_wide(query_, wide_.data(), d);
}

double Residual::gap(double hardest_pull) const {
  if (query_squared_ == 0) return 0;
  const double scale = hardest_pull > problem_->threshold ? problem_->threshold / hardest_pull : 1;
  const double dual = scale * inner_ - 0.5 * scale * scale * squared_;
  return std::max(0.0, primal() - dual) / (0.5 * query_squared_);
}

double Residual::hardest_pull(std::span<const std::int32_t> atoms,
                              std::span<const float> correlations) const {
  const Problem& problem = *problem_;
  const std::size_t d = problem.n_dimensions();
  const double error_per_norm = rounding_error(d) * std::sqrt(squared_);
  double surely_reached = 0;
  for (std::size_t t = 0; t < atoms.size(); ++t)
    surely_reached = std::max(surely_reached, problem.pull(static_cast<double>(correlations[t])) -
                                                  error_per_norm * problem.norms[atoms[t]]);
  double hardest = 0;
  for (std::size_t t = 0; t < atoms.size(); ++t) {
    const double at_most =
        problem.pull(static_cast<double>(correlations[t])) + error_per_norm * problem.norms[atoms[t]];
    if (at_most < surely_reached) continue;
    hardest = std::max(
        hardest, problem.pull(problem.kernels.dot_wide(problem.dictionary.row(atoms[t]), wide_.data(), d)));
  }
  return hardest;
}

void correlate(const Problem& problem, MatrixView<const float> vectors, MatrixView<float> correlations) {
  std::vector<const float*> rows(vectors.rows);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = vectors.row(i);
  problem.kernels.row_products(rows.data(), rows.size(), problem.atoms.data(), problem.n_atoms(),
                               problem.n_dimensions(), correlations.data, correlations.cols);
}

}  // namespace fastface::lasso_solvers
