#include "algorithms/lasso_working_set.hpp"

#include <algorithm>
#include <cmath>

#include "core/watch.hpp"

namespace fastface::lasso_solvers {

namespace {

// Relative; what float32 factors of a singular matrix need to be of use.
constexpr float kRidge = 1e-5f;
constexpr int kMostSteps = 64;
constexpr std::size_t kPassWorth = 64;

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
}

void WorkingSet::add(std::span<const std::int32_t> atoms) {
  const Problem& problem = *problem_;
  const std::size_t old = atoms_.size();
  const std::size_t count = old + atoms.size();
  reserve(count);
  for (const std::int32_t atom : atoms) {
    atoms_.push_back(atom);
    values_.push_back(0);
    rows_.push_back(problem.atoms.row(atom));
  }
  if (problem.atoms.has_gram()) {
    for (std::size_t s = old; s < count; ++s) {
      const float* products = problem.atoms.gram_row(atoms_[s]);
      for (std::size_t t = 0; t <= s; ++t) gram_row(t)[s] = gram_row(s)[t] = products[atoms_[t]];
    }
    return;
  }
  // Symmetric: a few rows at a time up to their last diagonal element, then mirrored.
  constexpr std::size_t kRows = 4;
  for (std::size_t s = old; s < count; s += kRows) {
    const std::size_t end = std::min(s + kRows, count);
    problem.kernels.row_products(rows_.data() + s, end - s, rows_.data(), end, problem.atoms.dims(),
                                 gram_row(s), stride_);
    for (std::size_t row = s; row < end; ++row)
      for (std::size_t t = 0; t < row; ++t) gram_row(t)[row] = gram_row(row)[t];
  }
}

void WorkingSet::correlate_with(std::span<const float> residual) {
  const float* row = residual.data();
  problem_->kernels.row_products(&row, 1, rows_.data(), atoms_.size(), problem_->atoms.dims(),
                                 gradient_.data(), atoms_.size());
}

void WorkingSet::take_correlations(std::span<const float> of_all_atoms) {
  for (std::size_t t = 0; t < atoms_.size(); ++t) gradient_[t] = of_all_atoms[atoms_[t]];
}

int WorkingSet::solve(float accuracy, int max_passes) {
  const Problem& problem = *problem_;
  const std::size_t n = atoms_.size();
  const auto threshold = static_cast<float>(problem.threshold);
  int passes = 0;
  std::size_t passes_owed = 1;  // before an exact step: the first pass's support is mostly wrong
  while (passes < max_passes) {
    const float change = problem.kernels.coordinate_pass(gram_.data(), stride_, n, threshold,
                                                         problem.positive, values_.data(), gradient_.data());
    if (++passes % 16 == 0) breathe();
    if (!(change > accuracy)) break;
    if (passes_owed > 0) {
      --passes_owed;
      continue;
    }
    // A step that stops short takes an atom out of the support. With large supports, passes must
    // earn their steps: a step costs k^3 / 6, a pass n * k at a fraction of the speed.
    std::size_t cost = 0;
    for (int steps = 0; steps < kMostSteps; ++steps) {
      const bool again = step_on_support();
      cost += buffers_->support.size() * buffers_->support.size();
      if (!again) break;
    }
    passes_owed = cost / (kPassWorth * n);
  }
  return passes;
}

bool WorkingSet::step_on_support() {
  const Problem& problem = *problem_;
  auto& [support, matrix, downhill, step, drift, crossings] = *buffers_;
  const auto threshold = static_cast<float>(problem.threshold);
  support.clear();
  for (std::size_t t = 0; t < atoms_.size(); ++t)
    if (values_[t] != 0) support.push_back(t);
  const std::size_t k = support.size();

  matrix.resize(k * k);
  downhill.resize(k);
  for (std::size_t i = 0; i < k; ++i) {
    const float* row = gram_row(support[i]);
    for (std::size_t j = i; j < k; ++j) matrix[i * k + j] = row[support[j]];
    matrix[i * k + i] *= 1 + kRidge;
    downhill[i] = gradient_[support[i]] - std::copysign(threshold, values_[support[i]]);
  }
  step = downhill;
  problem.kernels.solve_cholesky(matrix.data(), k, k, step.data());

  drift.assign(stride_, 0.0f);
  for (std::size_t i = 0; i < k; ++i)
    problem.kernels.axpy(step[i], gram_row(support[i]), drift.data(), atoms_.size());
  const auto [length, stopped_at] = search_along_step();
  for (std::size_t i = 0; i < k; ++i) {
    float& value = values_[support[i]];
    value += static_cast<float>(length * step[i]);
    if (i == stopped_at || (problem.positive && value < 0)) value = 0;
  }
  problem.kernels.axpy(static_cast<float>(-length), drift.data(), gradient_.data(), atoms_.size());
  return stopped_at < k;
}

// The factors are float32 and the matrix may be singular: an exact line search makes the step a
// descent whatever it is. Along it the objective is a convex parabola with a kink, steeper by
// 2 * threshold * |step|, where a coefficient changes its sign; non-negative ones end there.
WorkingSet::Stop WorkingSet::search_along_step() {
  auto& [support, matrix, downhill, step_of, drift, crossings] = *buffers_;
  const std::size_t k = support.size();
  double slope = 0;
  double curvature = 0;
  double noise = 0;  // what rounding makes of a curvature of 0
  crossings.clear();
  for (std::size_t i = 0; i < k; ++i) {
    const double step = step_of[i];
    const double value = values_[support[i]];
    slope += step * downhill[i];
    curvature += step * drift[support[i]];
    noise += 1e-7 * step * step * gram_row(support[i])[support[i]];
    if (step * value < 0) crossings.emplace_back(-value / step, i);
  }
  if (!(slope > 0 && noise > 0)) return {0, k};
  curvature = std::max(curvature, noise);
  std::sort(crossings.begin(), crossings.end());
  for (const auto& [at, i] : crossings) {
    if (at * curvature >= slope) break;
    slope -= 2 * problem_->threshold * std::abs(step_of[i]);
    if (at * curvature >= slope || problem_->positive) return {at, i};
  }
  return {slope / curvature, k};
}

}  // namespace fastface::lasso_solvers
