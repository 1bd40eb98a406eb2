// From a prepared dictionary to codes; internal to cpp/algorithms.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "algorithms/lasso.hpp"
#include "algorithms/lasso_atoms.hpp"

namespace fastface::lasso_solvers {

// Computes what is worth knowing of a dictionary that will be asked n_queries times, and once.
void prepare(Atoms& atoms, std::size_t n_queries, const LassoOptions& options);

std::vector<LassoCodes> solve(const Atoms& atoms, MatrixView<const float> queries,
                              std::span<const double> lams, const LassoOptions& options);

}  // namespace fastface::lasso_solvers
