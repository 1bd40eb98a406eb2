#include <pybind11/numpy.h>

#include "algorithms/planes.hpp"
#include "algorithms/shrink.hpp"
#include "bindings/arrays.hpp"
#include "bindings/register.hpp"

namespace fastface::bindings {

namespace {

using PixelArray = py::array_t<std::uint8_t, py::array::c_style>;

Pixels photo_of(const PixelArray& pixels) {
  if (pixels.ndim() != 3 || pixels.shape(2) != 3)
    throw std::invalid_argument("pixels: expected (height, width, 3), got shape " + shape_text(pixels));
  return {pixels.data(), static_cast<std::size_t>(pixels.shape(0)),
          static_cast<std::size_t>(pixels.shape(1))};
}

py::array_t<float> planes_array(const PixelArray& pixels, std::size_t height, std::size_t width) {
  const Pixels photo = photo_of(pixels);
  py::array_t<float> planes({std::size_t{3}, height, width});
  float* values = planes.mutable_data();
  {
    const py::gil_scoped_release unlocked;
    spread(photo, height, width, values);
  }
  return planes;
}

py::array_t<std::uint8_t> shrink_array(const PixelArray& pixels, std::size_t height, std::size_t width) {
  const Pixels photo = photo_of(pixels);
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
  module.def("planes", &planes_array, py::arg("pixels"), py::arg("height"), py::arg("width"));
  module.def("shrink", &shrink_array, py::arg("pixels"), py::arg("height"), py::arg("width"));
}

}  // namespace fastface::bindings
