#include "algorithms/lasso_problem.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace fastface::lasso_solvers {

void require_range(float squared_norm, const char* name, std::size_t row) {
  constexpr float kLargest = 1e30f;  // products of a few larger norms would leave float32
  if (squared_norm <= kLargest) return;
  throw std::invalid_argument(
      std::string(name) + ": row " + std::to_string(row) +
      (std::isnan(squared_norm) ? " holds NaN" : " is infinite or too large (norm above 1e15)"));
}

Residual::Residual(const Problem& problem, const float* query)
    : problem_(&problem), query_(query), wide_(problem.atoms.dims()), narrow_(problem.atoms.dims()) {
  update({}, {});
  query_squared_ = squared_;
}

void Residual::update(std::span<const std::int32_t> atoms, std::span<const float> values) {
  const Problem& problem = *problem_;
  const std::size_t d = problem.atoms.dims();
  std::copy_n(query_, d, wide_.begin());
  l1_ = 0;
  for (std::size_t t = 0; t < atoms.size(); ++t) {
    if (values[t] == 0) continue;
    l1_ += std::abs(values[t]);
    problem.kernels.axpy_wide(-values[t], problem.atoms.row(atoms[t]), wide_.data(), d);
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

double Residual::hardest_pull(std::span<const std::int32_t> atoms, std::span<const float> correlations,
                              double error_per_norm, std::span<std::int32_t> found) const {
  const Problem& problem = *problem_;
  const double largest_error = error_per_norm * problem.atoms.largest_norm();
  const double surely_reached =
      problem.kernels.hardest_pull(correlations.data(), correlations.size(), problem.positive) -
      largest_error;
  const auto least = static_cast<float>((1 - 1e-6) * surely_reached - largest_error);
  const std::size_t count = problem.kernels.find_pulling(correlations.data(), correlations.size(), least,
                                                         problem.positive, found.data());
  double hardest = 0;
  for (const std::int32_t t : found.first(count)) {
    const std::int32_t atom = atoms[t];
    const double at_most =
        problem.pull(static_cast<double>(correlations[t])) + error_per_norm * problem.atoms.norm(atom);
    if (at_most < surely_reached) continue;
    hardest = std::max(hardest, problem.pull(problem.kernels.dot_wide(problem.atoms.row(atom), wide_.data(),
                                                                      problem.atoms.dims())));
  }
  return hardest;
}

double Residual::error_per_norm() const {
  return rounding_error(problem_->atoms.dims()) * std::sqrt(squared_);
}

}  // namespace fastface::lasso_solvers
