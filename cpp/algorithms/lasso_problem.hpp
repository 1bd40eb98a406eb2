// What the lasso solvers share; internal to cpp/algorithms. Inside, the objective is halved,
//   1/2 |y - D'x|^2 + threshold * |x|_1,   threshold = lam / 2,
// so that an atom is at rest when its correlation with the residual is within the threshold.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/lasso.hpp"
#include "core/kernels.hpp"

namespace fastface::lasso_solvers {

struct Problem {
  const Kernels& kernels;
  MatrixView<const float> dictionary;
  std::vector<float> norms;         // of the atoms
  std::vector<const float*> atoms;  // rows of the dictionary
  float largest_norm = 0;
  double threshold;
  bool positive;
  double tol;
  int max_iter;

  Problem(MatrixView<const float> rows, const LassoOptions& options);

  std::size_t n_atoms() const { return dictionary.rows; }
  std::size_t n_dimensions() const { return dictionary.cols; }
  // How hard an atom with this correlation pulls towards a coefficient.
  template <class T>
  T pull(T correlation) const {
    return positive ? correlation : std::abs(correlation);
  }
};

struct Code {
  std::vector<std::int32_t> atoms;  // ascending
  std::vector<float> values;
  double gap = 0;
  int n_iter = 0;
};

// The residual of one query: in float64, and in float32 for the kernels that scan the atoms.
class Residual {
 public:
  Residual(const Problem& problem, const float* query);

  // Computed afresh each time, so that no error builds up from step to step.
  void update(std::span<const std::int32_t> atoms, std::span<const float> values);

  std::span<const float> values() const { return narrow_; }
  double query_squared() const { return query_squared_; }
  double l1() const { return l1_; }

  double primal() const { return 0.5 * squared_ + problem_->threshold * l1_; }
  // Relative gap against the dual point s * residual, s <= 1 such that the hardest pull is feasible.
  double gap(double hardest_pull) const;

  // The hardest pull among `atoms`, in float64. `correlations` are theirs with values(), computed
  // in float32: only atoms whose rounding error may reach the maximum are computed again.
  double hardest_pull(std::span<const std::int32_t> atoms, std::span<const float> correlations) const;

 private:
  const Problem* problem_;
  const float* query_;
  std::vector<double> wide_;
  std::vector<float> narrow_;
  double query_squared_ = 0;
  double squared_ = 0;  // |r|^2
  double inner_ = 0;    // <y, r>
  double l1_ = 0;
};

// Bound on |computed - exact| / (|a| |r|) for a float32 inner product of n terms, added in any order,
// where r was rounded to float32 before (Higham 2002, section 3.1).
inline double rounding_error(std::size_t n) { return 1.01 * static_cast<double>(n + 2) * 0x1p-24; }

// correlations.row(i)[j] = <vectors.row(i), atom j>
void correlate(const Problem& problem, MatrixView<const float> vectors, MatrixView<float> correlations);

// The solvers: codes of all rows of `queries`, one block of a larger batch.
void solve_by_coordinates(const Problem& problem, MatrixView<const float> queries, std::span<Code> codes);
void solve_by_gradient(const Problem& problem, MatrixView<const float> queries, bool accelerate,
                       double lipschitz, std::span<Code> codes);

// An estimate (from below, by power iteration) of the largest eigenvalue of DD'.
double estimate_lipschitz(const Problem& problem);

}  // namespace fastface::lasso_solvers
