// A small lasso: the atoms in play for one query, with their Gram matrix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "algorithms/lasso_problem.hpp"

namespace fastface::lasso_solvers {

class WorkingSet {
 public:
  explicit WorkingSet(const Problem& problem) : problem_(&problem) {}

  std::span<const std::int32_t> atoms() const { return atoms_; }
  std::span<const float> values() const { return values_; }

  // Adds atoms that are not members yet, with coefficient 0.
  void add(std::span<const std::int32_t> atoms);

  // Improves the coefficients until a pass moves no member's correlation by more than `accuracy`
  // or `max_passes` are spent; returns the passes made. `residual` is that of the present
  // coefficients.
  int solve(std::span<const float> residual, float accuracy, int max_passes);

 private:
  void reserve(std::size_t count);
  float* gram_row(std::size_t index) { return gram_.data() + index * stride_; }
  // One exact minimisation over the non-zero coefficients, as far as their signs allow.
  bool step_on_support();

  const Problem* problem_;
  std::vector<std::int32_t> atoms_;
  std::vector<float> values_;
  std::size_t stride_ = 0;       // a multiple of 16, so that kernels need no tails
  std::vector<float> gram_;      // stride_ x stride_
  std::vector<float> gradient_;  // correlations with the residual, kept current by solve()
  std::vector<std::size_t> support_;
  std::vector<float> matrix_, target_, step_, drift_;  // of step_on_support()
  std::vector<std::pair<float, std::size_t>> crossings_;
};

}  // namespace fastface::lasso_solvers
