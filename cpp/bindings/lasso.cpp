#include "algorithms/lasso.hpp"

#include <pybind11/numpy.h>

#include <string>
#include <utility>

#include "bindings/arrays.hpp"
#include "bindings/register.hpp"

namespace fastface::bindings {

namespace {

LassoSolver solver_named(const std::string& name) {
  if (name == "cd") return LassoSolver::cd;
  if (name == "ista") return LassoSolver::ista;
  if (name == "fista") return LassoSolver::fista;
  throw std::invalid_argument("solver: expected 'cd', 'ista' or 'fista', got '" + name + "'");
}

py::tuple solve(const FloatArray& dictionary, const FloatArray& queries, double lam,
                const std::string& solver, bool positive, double tol, int max_iter, std::size_t threads) {
  const auto atoms = matrix(dictionary, "dictionary");
  const auto rows = matrix(queries, "queries");
  const LassoOptions options{.lam = lam,
                             .solver = solver_named(solver),
                             .positive = positive,
                             .tol = tol,
                             .max_iter = max_iter,
                             .threads = threads};
  LassoCodes codes;
  {
    const py::gil_scoped_release unlocked;
    codes = lasso(atoms, rows, options);
  }
  return py::make_tuple(take(std::move(codes.indptr)), take(std::move(codes.indices)),
                        take(std::move(codes.values)), take(std::move(codes.gap)),
                        take(std::move(codes.n_iter)));
}

}  // namespace

void register_lasso(py::module_& module) {
  module.def("lasso", &solve, py::arg("dictionary"), py::arg("queries"), py::arg("lam"), py::arg("solver"),
             py::arg("positive"), py::arg("tol"), py::arg("max_iter"), py::arg("threads"));
}

}  // namespace fastface::bindings
