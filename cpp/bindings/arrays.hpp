// The array boundary: the only code that inspects an array. Behind it nobody checks again.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/rows.hpp"
#include "core/view.hpp"

namespace fastface::bindings {

namespace py = pybind11;

// Borrowed if already C-contiguous float32; any other real array is converted once.
using FloatArray = py::array_t<float, py::array::c_style | py::array::forcecast>;

template <class T>
using IndexArray = py::array_t<T, py::array::c_style | py::array::forcecast>;

inline std::string shape_text(const py::array& array) {
  std::string text = "(";
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis)
    text += (axis ? ", " : "") + std::to_string(array.shape(axis));
  return text + (array.ndim() == 1 ? ",)" : ")");
}

// Throws unless it is a matrix of any number of rows, including none.
inline void check_matrix(const py::array& array, const char* name) {
  if (array.ndim() != 2)
    throw std::invalid_argument(std::string(name) + ": expected a 2-D array (rows, dimensions), got shape " +
                                shape_text(array));
  if (array.shape(0) > 0 && array.shape(1) == 0)
    throw std::invalid_argument(std::string(name) + ": expected at least one dimension, got shape " +
                                shape_text(array));
}

inline MatrixView<const float> matrix(const FloatArray& array, const char* name) {
  check_matrix(array, name);
  return {array.data(), static_cast<std::size_t>(array.shape(0)), static_cast<std::size_t>(array.shape(1))};
}

// Rows in float32, float16 or int8, borrowed if C-contiguous; any other real array is converted to
// float32 once.
class RowsArgument {
 public:
  RowsArgument(const py::array& array, const char* name) : owner_(array) {
    check_matrix(array, name);
    if (is_plain(array, 'f', sizeof(Half)))
      view_ = of<Half>();
    else if (is_plain(array, 'i', sizeof(std::int8_t)))
      view_ = of<std::int8_t>();
    else {
      owner_ = FloatArray(array);
      view_ = of<float>();
    }
  }

  const RowsView& view() const { return view_; }
  const py::array& array() const { return owner_; }

 private:
  static bool is_plain(const py::array& array, char kind, std::size_t width) {
    const py::dtype type = array.dtype();
    constexpr int kPlain = int{py::array::c_style} | int{py::detail::npy_api::NPY_ARRAY_ALIGNED_};
    return type.kind() == kind && type.itemsize() == static_cast<py::ssize_t>(width) &&
           type.byteorder() != '>' && type.byteorder() != '<' && (array.flags() & kPlain) == kPlain;
  }

  template <class T>
  RowsView of() const {
    return {static_cast<const T*>(owner_.data()), static_cast<std::size_t>(owner_.shape(0)),
            static_cast<std::size_t>(owner_.shape(1))};
  }

  py::array owner_;
  RowsView view_;
};

// A vector argument of any length, including none.
template <class T, int Flags>
std::span<const T> vector(const py::array_t<T, Flags>& array, const char* name) {
  if (array.ndim() != 1)
    throw std::invalid_argument(std::string(name) + ": expected a 1-D array, got shape " + shape_text(array));
  return {array.data(), static_cast<std::size_t>(array.shape(0))};
}

template <class T, class Wide>
void require_fit(const IndexArray<Wide>& values, const char* name) {
  for (py::ssize_t k = 0; k < values.size(); ++k)
    if (!std::in_range<T>(values.data()[k]))
      throw std::invalid_argument(std::string(name) + ": " + std::to_string(values.data()[k]) +
                                  " is out of range");
}

// Integers of type T, borrowed if they already are. Refuses other kinds and values that do not fit.
template <class T>
IndexArray<T> indices(const py::array& array, const char* name) {
  if (array.size() > 0 && array.dtype().kind() != 'i' && array.dtype().kind() != 'u')
    throw std::invalid_argument(std::string(name) + ": expected integers, got dtype " +
                                std::string(py::str(array.dtype())));
  const auto width = static_cast<py::ssize_t>(sizeof(T));
  if (array.dtype().kind() == 'u' && array.itemsize() >= width)
    require_fit<T>(IndexArray<std::uint64_t>(array), name);
  else if (array.itemsize() > width)
    require_fit<T>(IndexArray<std::int64_t>(array), name);
  return IndexArray<T>(array);
}

// Hands a vector over to NumPy without copying it.
template <class T, class Allocator>
py::array_t<T> take(std::vector<T, Allocator>&& values) {
  using Vector = std::vector<T, Allocator>;
  auto owned = std::make_unique<Vector>(std::move(values));
  const auto size = static_cast<py::ssize_t>(owned->size());
  const T* data = owned->data();
  const py::capsule owner(owned.get(), [](void* vector) { delete static_cast<Vector*>(vector); });
  owned.release();
  return py::array_t<T>(size, data, owner);
}

}  // namespace fastface::bindings
