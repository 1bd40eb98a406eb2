#include <pybind11/numpy.h>

#include "algorithms/shrink.hpp"
#include "bindings/arrays.hpp"
#include "bindings/register.hpp"

namespace fastface::bindings {

namespace {

using PixelArray = py::array_t<std::uint8_t, py::array::c_style>;

py::array_t<std::uint8_t> shrink_array(const PixelArray& pixels, std::size_t height, std::size_t width) {
  if (pixels.ndim() != 3 || pixels.shape(2) != 3)
    throw std::invalid_argument("pixels: expected (height, width, 3), got shape " + shape_text(pixels));
  const Pixels photo{pixels.data(), static_cast<std::size_t>(pixels.shape(0)),
                     static_cast<std::size_t>(pixels.shape(1))};
  std::vector<std::uint8_t> smaller;
  {
    const py::gil_scoped_release unlocked;
    smaller = shrink(photo, height, width);
  }
  return take(std::move(smaller))
      .reshape({static_cast<py::ssize_t>(height), static_cast<py::ssize_t>(width), py::ssize_t{3}});
}

}  // namespace

void register_images(py::module_& module) {
  module.def("shrink", &shrink_array, py::arg("pixels"), py::arg("height"), py::arg("width"));
}

}  // namespace fastface::bindings
