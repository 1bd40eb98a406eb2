#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <tuple>
#include <vector>

#include "algorithms/chain_network.hpp"
#include "bindings/arrays.hpp"
#include "bindings/register.hpp"

namespace fastface::bindings {

namespace {

using Crops = py::array_t<std::uint8_t, py::array::c_style>;

// weights, bias (n_out,), slope (n_out,), stride, pad, the layer that is added.
using LayerArrays =
    std::tuple<FloatArray, FloatArray, FloatArray, std::size_t, std::size_t, std::optional<std::size_t>>;

// scale (n_out,), zero.
using RoundingArrays = std::tuple<FloatArray, int>;

std::vector<float> copied(const FloatArray& array) { return {array.data(), array.data() + array.size()}; }

// Weights say by their shape what a layer does: (n_in, n_out) mixes channels, (size, size, n) filters
// each by itself, (size, size, 3, n_out) sees a crop.
ChainLayer layer_of(const LayerArrays& arrays) {
  const auto& [weights, bias, slope, stride, pad, added] = arrays;
  const auto side = [&weights](py::ssize_t axis) { return static_cast<std::size_t>(weights.shape(axis)); };
  ChainLayer layer{ChainKind::kMix,
                   0,
                   0,
                   1,
                   stride,
                   pad,
                   copied(weights),
                   copied(bias),
                   copied(slope),
                   added.value_or(ChainLayer::kNone)};
  const py::ssize_t n_axes = weights.ndim();
  if (n_axes < 2 || n_axes > 4 || (n_axes > 2 && side(0) != side(1)))
    throw std::invalid_argument(
        "layers: expected (n_in, n_out), (size, size, n) or (size, size, 3, n), got " + shape_text(weights));
  layer.n_out = side(n_axes - 1);
  layer.n_in = n_axes == 3 ? layer.n_out : side(n_axes - 2);
  if (n_axes > 2) layer.size = side(0);
  if (n_axes > 2) layer.kind = n_axes == 3 ? ChainKind::kFilter : ChainKind::kFirst;
  return layer;
}

ChainNetwork make_network(std::size_t side, float mean, const std::vector<LayerArrays>& arrays,
                          const FloatArray& dense, const FloatArray& dense_bias,
                          const std::vector<RoundingArrays>& roundings) {
  std::vector<ChainLayer> layers;
  layers.reserve(arrays.size());
  for (const LayerArrays& layer : arrays) layers.push_back(layer_of(layer));
  std::vector<ChainRounding> rounding;
  for (const auto& [scale, zero] : roundings) rounding.push_back({copied(scale), zero});
  return {side, mean, layers, copied(dense), copied(dense_bias), rounding};
}

FloatArray run_network(const ChainNetwork& network, const Crops& crops) {
  const auto side = static_cast<py::ssize_t>(network.side());
  if (crops.ndim() != 4 || crops.shape(1) != side || crops.shape(2) != side || crops.shape(3) != 3)
    throw std::invalid_argument("crops: expected (n, " + std::to_string(side) + ", " + std::to_string(side) +
                                ", 3), got shape " + shape_text(crops));
  const auto count = static_cast<std::size_t>(crops.shape(0));
  FloatArray vectors(std::vector<std::size_t>{count, network.dims()});
  float* values = vectors.mutable_data();
  {
    const py::gil_scoped_release unlocked;
    network.run(crops.data(), count, values);
  }
  return vectors;
}

}  // namespace

void register_chains(py::module_& module) {
  py::class_<ChainNetwork>(module, "ChainNetwork", plain_metaclass())
      .def(py::init(&make_network), py::arg("side"), py::arg("mean"), py::arg("layers"), py::arg("dense"),
           py::arg("dense_bias"), py::arg("rounding"))
      .def("run", &run_network, py::arg("crops"));
}

}  // namespace fastface::bindings
