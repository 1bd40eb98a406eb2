#include "algorithms/shrink.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "core/kernels.hpp"

namespace fastface {

namespace {

constexpr double kUnits = 16384.0;  // weights are multiples of its inverse, see kernels/images.hpp

// Which old pixels each new one is made of, along one axis: `count` of them from `first` on.
struct Axis {
  std::size_t count = 0;
  std::vector<std::uint32_t> first;
  std::vector<float> weights;  // new x count
};

// Whole units that add up to kUnits, so that an even surface stays as it is.
void round_weights(const std::vector<double>& raw, float* weights) {
  double total = 0;
  for (double weight : raw) total += weight;
  double rest = kUnits;
  std::size_t largest = 0;
  for (std::size_t k = 0; k < raw.size(); ++k) {
    const double units = std::floor(raw[k] / total * kUnits + 0.5);
    weights[k] = static_cast<float>(units / kUnits);
    rest -= units;
    if (raw[k] > raw[largest]) largest = k;
  }
  weights[largest] += static_cast<float>(rest / kUnits);
}

// All new pixels have the same count, though some need fewer: a loop whose length varies is mispredicted.
Axis make_axis(std::size_t from, std::size_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  Axis axis;
  axis.count = std::min(from, static_cast<std::size_t>(std::ceil(2 * scale)));
  axis.first.resize(to);
  axis.weights.resize(to * axis.count);
  std::vector<double> raw(axis.count);
  for (std::size_t x = 0; x < to; ++x) {
    const double centre = (static_cast<double>(x) + 0.5) * scale;
    const auto start = static_cast<std::size_t>(std::max(0.0, std::floor(centre - scale + 0.5)));
    const std::size_t first = std::min(start, from - axis.count);
    for (std::size_t k = 0; k < axis.count; ++k)
      raw[k] = std::max(0.0, 1 - std::abs(static_cast<double>(first + k) + 0.5 - centre) / scale);
    axis.first[x] = static_cast<std::uint32_t>(first);
    round_weights(raw, axis.weights.data() + x * axis.count);
  }
  return axis;
}

void require_smaller(std::size_t size, std::size_t limit, const char* name) {
  if (size < 1 || size > limit)
    throw std::invalid_argument(std::string(name) + ": expected 1 to " + std::to_string(limit) + ", got " +
                                std::to_string(size));
}

}  // namespace

std::vector<std::uint8_t> shrink(const Pixels& photo, std::size_t height, std::size_t width) {
  require_smaller(height, photo.height, "height");
  require_smaller(width, photo.width, "width");
  const Kernels& kernel = kernels();
  const Axis rows = make_axis(photo.height, height);
  const Axis columns = make_axis(photo.width, width);
  const std::size_t stride = 3 * photo.width;
  std::vector<float> together(kRowsTogether * (stride + 1));  // the last pixel is read as four values
  std::vector<std::uint8_t> result(3 * height * width);
  for (std::size_t y = 0; y < height; y += kRowsTogether) {
    WeighedRows weighed{{}, {}, stride, rows.count};
    std::uint8_t* out[kRowsTogether];
    for (std::size_t r = 0; r < kRowsTogether; ++r) {
      const std::size_t row = std::min(y + r, height - 1);
      weighed.first[r] = photo.data + rows.first[row] * stride;
      weighed.weights[r] = rows.weights.data() + row * rows.count;
      out[r] = result.data() + 3 * row * width;
    }
    kernel.weigh_rows(weighed, stride, together.data());
    kernel.weigh_columns(together.data(), columns.first.data(), columns.weights.data(), columns.count, width,
                         out);
  }
  return result;
}

}  // namespace fastface
