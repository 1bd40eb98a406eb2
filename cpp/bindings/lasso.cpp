#include "algorithms/lasso.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/register.hpp"
#include "bindings/watched.hpp"

namespace fastface::bindings {

namespace {

LassoSolver solver_named(const std::string& name) {
  if (name == "cd") return LassoSolver::cd;
  if (name == "ista") return LassoSolver::ista;
  if (name == "fista") return LassoSolver::fista;
  throw std::invalid_argument("solver: expected 'cd', 'ista' or 'fista', got '" + name + "'");
}

LassoOptions options_of(const std::string& solver, bool positive, double tol, int max_iter,
                        std::size_t threads) {
  return {.solver = solver_named(solver),
          .positive = positive,
          .tol = tol,
          .max_iter = max_iter,
          .threads = threads};
}

py::list take_path(std::vector<LassoCodes> path) {
  py::list result;
  for (LassoCodes& codes : path)
    result.append(py::make_tuple(take(std::move(codes.indptr)), take(std::move(codes.indices)),
                                 take(std::move(codes.values)), take(std::move(codes.gap)),
                                 take(std::move(codes.n_iter)), codes.n_atoms,
                                 take(std::move(codes.labels))));
  return result;
}

py::list solve(const FloatArray& dictionary, const FloatArray& queries, const std::vector<double>& lams,
               const std::string& solver, bool positive, double tol, int max_iter, std::size_t threads,
               const py::object& progress) {
  const auto atoms = matrix(dictionary, "dictionary");
  const auto rows = matrix(queries, "queries");
  const LassoOptions options = options_of(solver, positive, tol, max_iter, threads);
  return take_path(watched(progress, [&] { return lasso_path(atoms, rows, lams, options); }));
}

py::list solve_with(const LassoDictionary& dictionary, const FloatArray& queries,
                    const std::vector<double>& lams, const std::string& solver, bool positive, double tol,
                    int max_iter, std::size_t threads, const py::object& progress) {
  const auto rows = matrix(queries, "queries");
  const LassoOptions options = options_of(solver, positive, tol, max_iter, threads);
  return take_path(watched(progress, [&] { return dictionary.lasso_path(rows, lams, options); }));
}

void add(LassoDictionary& dictionary, const FloatArray& atoms, std::int64_t label, std::size_t threads) {
  const auto rows = matrix(atoms, "atoms");
  const py::gil_scoped_release unlocked;
  dictionary.add(rows, label, threads);
}

}  // namespace

void register_lasso(py::module_& module) {
  module.def("lasso", &solve, py::arg("dictionary"), py::arg("queries"), py::arg("lams"), py::arg("solver"),
             py::arg("positive"), py::arg("tol"), py::arg("max_iter"), py::arg("threads"),
             py::arg("progress"));
  // Whatever may wait for another thread does so without the interpreter's lock.
  using Unlocked = py::call_guard<py::gil_scoped_release>;
  py::class_<LassoDictionary>(module, "LassoDictionary", plain_metaclass())
      .def(py::init<std::size_t>(), py::arg("n_dimensions"))
      .def("__len__", &LassoDictionary::size, Unlocked())
      .def("add", &add, py::arg("atoms"), py::arg("label"), py::arg("threads"))
      .def("remove", &LassoDictionary::remove, py::arg("label"), Unlocked())
      .def("lasso", &solve_with, py::arg("queries"), py::arg("lams"), py::arg("solver"), py::arg("positive"),
           py::arg("tol"), py::arg("max_iter"), py::arg("threads"), py::arg("progress"));
}

}  // namespace fastface::bindings
