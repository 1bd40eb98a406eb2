// Each family of bindings lives in its own file and is registered by module.cpp.
#pragma once

#include <pybind11/pybind11.h>

namespace fastface::bindings {

void register_chains(pybind11::module_& module);
void register_distances(pybind11::module_& module);
void register_images(pybind11::module_& module);
void register_linkage(pybind11::module_& module);
void register_lasso(pybind11::module_& module);

// For classes: a plain type as metaclass. pybind11's own is for static properties, and unknown to type
// checkers.
inline pybind11::metaclass plain_metaclass() {
  return pybind11::metaclass(reinterpret_cast<PyObject*>(&PyType_Type));
}

}  // namespace fastface::bindings
