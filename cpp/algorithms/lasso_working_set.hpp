// A small lasso: the atoms in play for one query, with their Gram matrix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "algorithms/lasso_problem.hpp"

namespace fastface::lasso_solvers {

// Of WorkingSet::step_on_support(): members with a coefficient, their system, its solution, what the
// step does to the gradient, and where coefficients would change sign. Working sets take turns with it.
struct StepBuffers {
  std::vector<std::size_t> support;
  std::vector<float> matrix, downhill, step, drift;
  std::vector<std::pair<double, std::size_t>> crossings;
};

class WorkingSet {
 public:
  WorkingSet(const Problem& problem, StepBuffers& buffers) : problem_(&problem), buffers_(&buffers) {}

  std::span<const std::int32_t> atoms() const { return atoms_; }
  std::span<const float> values() const { return values_; }

  // Adds atoms that are not members yet, with coefficient 0.
  void add(std::span<const std::int32_t> atoms);

  // What solve() starts from: the members' correlations with the residual of the present coefficients,
  // from that residual, or from the correlations of all atoms with it.
  void correlate_with(std::span<const float> residual);
  void take_correlations(std::span<const float> of_all_atoms);
  // Improves the coefficients until a pass moves no member's correlation by more than `accuracy`
  // or `max_passes` are spent; returns the passes made.
  int solve(float accuracy, int max_passes);

 private:
  struct Stop {
    double length;
    std::size_t at;  // index in the support of the coefficient that ended the step, or its size
  };

  void reserve(std::size_t count);
  float* gram_row(std::size_t index) { return gram_.data() + index * stride_; }
  // One exact minimisation over the non-zero coefficients; true if it stopped short because one of
  // them became zero.
  bool step_on_support();
  Stop search_along_step();

  const Problem* problem_;
  StepBuffers* buffers_;
  std::vector<std::int32_t> atoms_;
  std::vector<float> values_;
  std::vector<const float*> rows_;  // of the dictionary
  std::size_t stride_ = 0;          // a multiple of 16, so that kernels need no tails
  std::vector<float> gram_;         // stride_ x stride_
  std::vector<float> gradient_;     // correlations with the residual, kept current by solve()
};

}  // namespace fastface::lasso_solvers
