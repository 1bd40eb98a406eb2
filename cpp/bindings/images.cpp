#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <array>
#include <utility>
#include <vector>

#include "algorithms/face_network.hpp"
#include "algorithms/planes.hpp"
#include "algorithms/shrink.hpp"
#include "algorithms/warp.hpp"
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

py::array_t<std::uint8_t> warp_array(const PixelArray& pixels, const std::array<std::size_t, 4>& window,
                                     std::size_t factor, const std::array<double, 6>& matrix,
                                     std::size_t side) {
  const Pixels photo = photo_of(pixels);
  const auto [top, bottom, left, right] = window;
  std::vector<std::uint8_t> square;
  {
    const py::gil_scoped_release unlocked;
    square = warp(photo, {top, bottom, left, right}, factor, matrix, side);
  }
  const auto size = static_cast<py::ssize_t>(side);
  return take(std::move(square)).reshape({size, size, py::ssize_t{3}});
}

std::vector<float> copied(const FloatArray& array) { return {array.data(), array.data() + array.size()}; }

// mix (n_in, n_out), mix_bias (n_out,), filter (3, 3, n_out), filter_bias (n_out,).
using LayerArrays = std::tuple<FloatArray, FloatArray, FloatArray, FloatArray>;

FaceNetwork make_network(const FloatArray& stem, const FloatArray& stem_bias,
                         const std::vector<LayerArrays>& arrays) {
  std::vector<SeparableLayer> layers;
  for (const auto& [mix, mix_bias, filter, filter_bias] : arrays) {
    const MatrixView<const float> weights = matrix(mix, "layers");
    layers.push_back(
        {weights.rows, weights.cols, copied(mix), copied(mix_bias), copied(filter), copied(filter_bias)});
  }
  return {copied(stem), copied(stem_bias), std::move(layers)};
}

std::vector<FloatArray> run_network(const FaceNetwork& network, const PixelArray& pixels, std::size_t height,
                                    std::size_t width) {
  const Pixels photo = photo_of(pixels);
  std::vector<FloatArray> cells;
  std::array<float*, 3> values;
  for (std::size_t scale = 0; scale < values.size(); ++scale) {
    const std::size_t stride = FaceNetwork::kStrides[scale];
    cells.emplace_back(
        std::vector<std::size_t>{(height / stride) * (width / stride), FaceNetwork::kCellValues});
    values[scale] = cells.back().mutable_data();
  }
  {
    const py::gil_scoped_release unlocked;
    network.run(photo, height, width, values);
  }
  return cells;
}

std::pair<FloatArray, FloatArray> find_cells(const FaceNetwork& network, const PixelArray& pixels,
                                             std::size_t height, std::size_t width, float least) {
  const Pixels photo = photo_of(pixels);
  Cells found;
  {
    const py::gil_scoped_release unlocked;
    found = network.find(photo, height, width, least);
  }
  const auto count = static_cast<py::ssize_t>(found.places.size() / 3);
  constexpr auto kValues = static_cast<py::ssize_t>(FaceNetwork::kCellValues);
  return {take(std::move(found.places)).reshape({count, py::ssize_t{3}}),
          take(std::move(found.values)).reshape({count, kValues})};
}

}  // namespace

void register_images(py::module_& module) {
  py::class_<FaceNetwork>(module, "FaceNetwork", plain_metaclass())
      .def(py::init(&make_network), py::arg("stem"), py::arg("stem_bias"), py::arg("layers"))
      .def("run", &run_network, py::arg("pixels"), py::arg("height"), py::arg("width"))
      .def("find", &find_cells, py::arg("pixels"), py::arg("height"), py::arg("width"), py::arg("least"));
  module.def("planes", &planes_array, py::arg("pixels"), py::arg("height"), py::arg("width"));
  module.def("shrink", &shrink_array, py::arg("pixels"), py::arg("height"), py::arg("width"));
  module.def("warp", &warp_array, py::arg("pixels"), py::arg("window"), py::arg("factor"), py::arg("matrix"),
             py::arg("side"));
}

}  // namespace fastface::bindings
