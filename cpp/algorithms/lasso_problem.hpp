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
#include "algorithms/lasso_atoms.hpp"
#include "core/kernels.hpp"

namespace fastface::lasso_solvers {

struct Problem {
  const Atoms& atoms;
  const Kernels& kernels;  // those of the atoms
  double threshold;
  bool positive;
  double tol;
  int max_iter;

  Problem(const Atoms& dictionary, const LassoOptions& options)
      : atoms(dictionary),
        kernels(dictionary.kernels()),
        threshold(0.5 * options.lam),
        positive(options.positive),
        tol(options.tol),
        max_iter(options.max_iter) {}

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

  // The hardest pull among `atoms`, in float64. `correlations` are theirs with values(), each right to
  // error_per_norm times the atom's norm: only atoms that may reach the maximum are computed again.
  // `found` is overwritten; it has room for the atoms and kFindingRoom more.
  double hardest_pull(std::span<const std::int32_t> atoms, std::span<const float> correlations,
                      double error_per_norm, std::span<std::int32_t> found) const;
  // Such a bound for correlations computed from values() in float32.
  double error_per_norm() const;

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

// `count` values filled up to whole vectors of any target.
inline std::size_t padded(std::size_t count) {
  constexpr std::size_t kWidest = 16;
  return (count + kWidest - 1) / kWidest * kWidest;
}

// Throws std::invalid_argument if a row of this squared norm is not finite or too large for float32.
void require_range(float squared_norm, const char* name, std::size_t row);

// The solvers: codes of all rows of `queries`, one block of a larger batch, for each lam of a path;
// codes[k] are those of lams[k].
void solve_by_coordinates(const Problem& problem, MatrixView<const float> queries,
                          std::span<const double> lams, std::span<const std::span<Code>> codes);
void solve_by_gradient(const Problem& problem, MatrixView<const float> queries, std::span<const double> lams,
                       bool accelerate, double lipschitz, std::span<const std::span<Code>> codes);

// An estimate (from below, by power iteration) of the largest eigenvalue of DD'.
double estimate_lipschitz(const Atoms& atoms);

}  // namespace fastface::lasso_solvers
