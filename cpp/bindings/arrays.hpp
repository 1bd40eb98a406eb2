// The array boundary: the only code that inspects an array. Behind it nobody checks again.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <stdexcept>
#include <string>

#include "core/view.hpp"

namespace fastface::bindings {

namespace py = pybind11;

// Borrowed if already C-contiguous float32; any other real array is converted once.
using FloatArray = py::array_t<float, py::array::c_style | py::array::forcecast>;

inline std::string shape_text(const py::array& array) {
  std::string text = "(";
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis)
    text += (axis ? ", " : "") + std::to_string(array.shape(axis));
  return text + (array.ndim() == 1 ? ",)" : ")");
}

// A matrix argument of any number of rows, including none.
inline MatrixView<const float> matrix(const FloatArray& array, const char* name) {
  if (array.ndim() != 2)
    throw std::invalid_argument(std::string(name) + ": expected a 2-D array (rows, dimensions), got shape " +
                                shape_text(array));
  return {array.data(), static_cast<std::size_t>(array.shape(0)), static_cast<std::size_t>(array.shape(1))};
}

}  // namespace fastface::bindings
