// The contents page of fastface._core: one register_*() per family of functions.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings/register.hpp"
#include "core/kernels.hpp"

namespace py = pybind11;

PYBIND11_MODULE(_core, module, py::mod_gil_not_used()) {
  module.doc() = "Compiled kernels of fastface; use fastface.kernels.";
#ifdef FASTFACE_VERSION
  module.attr("__version__") = FASTFACE_VERSION;
#else
  module.attr("__version__") = "0+unknown";
#endif
  module.def("target", [] { return std::string(fastface::kernels().target); });
  module.def("available_targets", [] {
    std::vector<std::string> names;
    for (const fastface::Kernels* table : fastface::available_kernels()) names.emplace_back(table->target);
    return names;
  });
  module.def(
      "select_target", [](const std::string& target) { fastface::select_kernels(target.c_str()); },
      py::arg("target"));
  fastface::bindings::register_chains(module);
  fastface::bindings::register_distances(module);
  fastface::bindings::register_images(module);
  fastface::bindings::register_linkage(module);
  fastface::bindings::register_lasso(module);
}
