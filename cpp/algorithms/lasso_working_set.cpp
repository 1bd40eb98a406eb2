#include "algorithms/lasso_working_set.hpp"

#include <algorithm>

namespace fastface::lasso_solvers {

namespace {
constexpr std::size_t kPadding = 16;  // the widest vector of any target, in floats

constexpr float kRidge = 1e-5f;
constexpr int kMostSteps = 64;

std::size_t padded(std::size_t count) { return (count + kPadding - 1) / kPadding * kPadding; }
}  // namespace

void WorkingSet::reserve(std::size_t count) {
  if (count <= stride_) return;
  const std::size_t stride = padded(std::max(count, stride_ * 2));
  std::vector<float> gram(stride * stride);
  for (std::size_t t = 0; t < atoms_.size(); ++t)
    std::copy_n(gram_row(t), atoms_.size(), gram.begin() + t * stride);
  gram_.swap(gram);
  stride_ = stride;
  gradient_.resize(stride);
  drift_.resize(stride);
}

void WorkingSet::add(std::span<const std::int32_t> atoms) {
  const Problem& problem = *problem_;
  reserve(atoms_.size() + atoms.size());
  for (const std::int32_t atom : atoms) {
    const std::size_t s = atoms_.size();
    atoms_.push_back(atom);
    values_.push_back(0);
    for (std::size_t t = 0; t <= s; ++t) {
      const float inner = problem.kernels.dot(problem.dictionary.row(atom), problem.dictionary.row(atoms_[t]),
                                              problem.n_dimensions());
      gram_row(s)[t] = inner;
      gram_row(t)[s] = inner;
    }
  }
}

int WorkingSet::solve(std::span<const float> residual, float accuracy, int max_passes) {
  const Problem& problem = *problem_;
  const std::size_t n = atoms_.size();
  for (std::size_t t = 0; t < n; ++t)
    gradient_[t] =
        problem.kernels.dot(problem.dictionary.row(atoms_[t]), residual.data(), problem.n_dimensions());

  const float threshold = static_cast<float>(problem.threshold);
  int passes = 0;
  while (passes < max_passes) {
    const float change = problem.kernels.coordinate_pass(gram_.data(), stride_, n, threshold,
                                                         problem.positive, values_.data(), gradient_.data());
    ++passes;
    if (!(change > accuracy)) break;
    if (passes < 2) continue;
    // Each step that stops short has taken an atom out of the support: there are not many.
    for (int steps = 0; steps < kMostSteps && step_on_support(); ++steps) {
    }
  }
  return passes;
}

bool WorkingSet::step_on_support() {
  const Kernels& kernels = problem_->kernels;
  const float threshold = static_cast<float>(problem_->threshold);
  support_.clear();
  for (std::size_t t = 0; t < atoms_.size(); ++t)
    if (values_[t] != 0) support_.push_back(t);
  const std::size_t k = support_.size();
  if (k == 0) return false;

  matrix_.resize(k * k);
  target_.resize(k);
  for (std::size_t i = 0; i < k; ++i) {
    const float* row = gram_row(support_[i]);
    for (std::size_t j = i; j < k; ++j) matrix_[i * k + j] = row[support_[j]];
    matrix_[i * k + i] *= 1 + kRidge;
    target_[i] = gradient_[support_[i]] - (values_[support_[i]] > 0 ? threshold : -threshold);
  }
  step_ = target_;
  kernels.solve_cholesky(matrix_.data(), k, k, step_.data());

  // The factors are float32 and the matrix may be nearly singular: an exact line search makes the
  // step a descent whatever it is.
  std::fill(drift_.begin(), drift_.end(), 0.0f);
  double slope = 0;
  double curvature = 0;
  double noise = 0;
  for (std::size_t i = 0; i < k; ++i) {
    kernels.axpy(step_[i], gram_row(support_[i]), drift_.data(), atoms_.size());
    slope += static_cast<double>(step_[i]) * target_[i];
  }
  for (std::size_t i = 0; i < k; ++i) {
    curvature += static_cast<double>(step_[i]) * drift_[support_[i]];
    noise += 1e-7 * step_[i] * step_[i] * gram_row(support_[i])[support_[i]];
  }
  if (!(slope > 0 && noise > 0)) return false;
  curvature = std::max(curvature, noise);

  // Along the step the objective is a convex parabola with a kink, 2 * threshold * |step| steeper,
  // where a coefficient changes its sign. Non-negative coefficients end at theirs.
  crossings_.clear();
  for (std::size_t i = 0; i < k; ++i)
    if (step_[i] * values_[support_[i]] < 0) crossings_.emplace_back(-values_[support_[i]] / step_[i], i);
  std::sort(crossings_.begin(), crossings_.end());
  double length = slope / curvature;
  std::size_t stopped_at = k;
  for (const auto& [at, i] : crossings_) {
    if (at >= length) break;
    slope -= 2 * problem_->threshold * std::abs(step_[i]);
    length = slope / curvature;
    if (length <= at || problem_->positive) {
      length = at;
      stopped_at = i;
      break;
    }
  }
  for (std::size_t i = 0; i < k; ++i)
    values_[support_[i]] += static_cast<float>(length * static_cast<double>(step_[i]));
  if (stopped_at < k) values_[support_[stopped_at]] = 0;
  kernels.axpy(static_cast<float>(-length), drift_.data(), gradient_.data(), atoms_.size());
  return stopped_at < k;
}

}  // namespace fastface::lasso_solvers
