// Batched sparse coding over one dictionary: for every query y
//   minimise |y - D'x|^2 + lam * |x|_1       (optionally x >= 0; the rows of D are the atoms)
// with a duality gap per query as stopping rule and certificate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/view.hpp"

namespace fastface {

enum class LassoSolver {
  cd,     // working sets, coordinate descent and exact steps on the support
  ista,   // proximal gradient (Daubechies, Defrise and De Mol 2004)
  fista,  // accelerated (Beck and Teboulle 2009) with adaptive restart (O'Donoghue and Candes 2015)
};

struct LassoOptions {
  double lam = 0;
  LassoSolver solver = LassoSolver::cd;
  bool positive = false;
  double tol = 1e-4;      // on the relative gap
  int max_iter = 10'000;  // passes over the working set (cd) or gradient steps, per query
  std::size_t threads = 0;
};

// One row per query in CSR form, atoms ascending. gap is (primal - dual) / |y|^2, evaluated in
// float64 over all atoms at the values returned; a query whose gap exceeds tol ran into max_iter or
// into the limits of float32.
struct LassoCodes {
  std::vector<std::int64_t> indptr;
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  std::vector<float> gap;
  std::vector<std::int32_t> n_iter;
};

// Throws std::invalid_argument if dimensions differ, an option is out of range, or a row is not
// finite or has a squared norm above 1e30. The result does not depend on `threads`.
LassoCodes lasso(MatrixView<const float> dictionary, MatrixView<const float> queries,
                 const LassoOptions& options);

}  // namespace fastface
