// Batched sparse coding over one dictionary: for every query y
//   minimise |y - D'x|^2 + lam * |x|_1       (optionally x >= 0; the rows of D are the atoms)
// with a duality gap per query as stopping rule and certificate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
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
  std::vector<std::int64_t> labels;  // parallel to indices; of a LassoDictionary only
  std::size_t n_atoms = 0;
};

// Throws std::invalid_argument if dimensions differ, an option is out of range, or a row is not
// finite or has a squared norm above 1e30. The result does not depend on `threads`, nor on the order
// of the queries; how many there are may choose another way to the same tolerance.
LassoCodes lasso(MatrixView<const float> dictionary, MatrixView<const float> queries,
                 const LassoOptions& options);

// The codes for each of `lams`, in their order; options.lam is not read. Each query starts from its
// codes for the lam before, which is fastest with lams that fall.
std::vector<LassoCodes> lasso_path(MatrixView<const float> dictionary, MatrixView<const float> queries,
                                   std::span<const double> lams, const LassoOptions& options);

// A dictionary that is asked again and again, of labelled atoms: a gallery of people. It owns its atoms
// and what follows from them alone, and keeps that up to date as labels come and go: adding k atoms
// costs what k atoms cost, removing them costs less. Safe to use from several threads at once.
class LassoDictionary {
 public:
  explicit LassoDictionary(std::size_t n_dimensions);
  ~LassoDictionary();
  LassoDictionary(const LassoDictionary&) = delete;
  LassoDictionary& operator=(const LassoDictionary&) = delete;

  std::size_t size() const;
  std::size_t dims() const;

  // Appends copies of `rows` under a label, new or not. Throws like lasso(), and then nothing was added.
  void add(MatrixView<const float> rows, std::int64_t label, std::size_t threads = 0);
  // Removes the atoms of a label and returns their number. The last atoms take the places that become
  // free, so the order of atoms follows from the calls made, and from nothing else.
  std::size_t remove(std::int64_t label);

  // As the functions of the same names.
  LassoCodes lasso(MatrixView<const float> queries, const LassoOptions& options) const;
  std::vector<LassoCodes> lasso_path(MatrixView<const float> queries, std::span<const double> lams,
                                     const LassoOptions& options) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fastface
