#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "algorithms/face_network.hpp"
#include "algorithms/warp.hpp"
#include "check.hpp"

using namespace fastface;

namespace {

std::vector<float> waves(std::size_t count, float size) {
  std::vector<float> values(count);
  for (std::size_t k = 0; k < count; ++k) values[k] = size * std::sin(static_cast<float>(k * k % 1009));
  return values;
}

std::vector<std::uint8_t> bytes(std::size_t count) {
  std::vector<std::uint8_t> values(count);
  for (std::size_t k = 0; k < count; ++k) values[k] = static_cast<std::uint8_t>(k * k % 251);
  return values;
}

std::vector<SeparableLayer> layers() {
  constexpr std::size_t kOutputs[] = {16, 16, 32, 32, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 16, 16, 16};
  std::vector<SeparableLayer> made;
  std::size_t n_in = 16;
  for (std::size_t k = 0; k < FaceNetwork::kLayers; ++k) {
    const std::size_t n_out = kOutputs[k];
    made.push_back({n_in, n_out, waves(n_in * n_out, 0.3f), waves(n_out, 0.1f), waves(9 * n_out, 0.4f),
                    waves(n_out, 0.1f)});
    n_in = k < 13 ? n_out : 64;
  }
  return made;
}

std::array<std::vector<float>, 3> cells_of(const FaceNetwork& network, const Pixels& photo,
                                           std::size_t height, std::size_t width) {
  std::array<std::vector<float>, 3> cells;
  std::array<float*, 3> places;
  for (std::size_t scale = 0; scale < 3; ++scale) {
    const std::size_t stride = FaceNetwork::kStrides[scale];
    cells[scale].resize(height / stride * (width / stride) * FaceNetwork::kCellValues);
    places[scale] = cells[scale].data();
  }
  network.run(photo, height, width, places);
  return cells;
}

// No row is read or written beyond its ends, whatever the photo's size; what is black outside is the same
// whether it is given or not; targets differ by rounding.
void a_photo_through_the_network() {
  const FaceNetwork network(waves(27 * 16, 0.002f), waves(16, 0.1f), layers());
  for (const auto& [height, width] : {std::array<std::size_t, 2>{1, 1}, {31, 45}, {32, 32}, {70, 130}}) {
    const std::vector<std::uint8_t> pixels = bytes(3 * height * width);
    const std::size_t tall = (height + 31) / 32 * 32, wide = (width + 31) / 32 * 32;
    std::vector<std::uint8_t> whole(3 * tall * wide);
    for (std::size_t y = 0; y < height; ++y)
      std::copy_n(pixels.data() + 3 * y * width, 3 * width, whole.data() + 3 * y * wide);
    const auto given = cells_of(network, {pixels.data(), height, width}, tall, wide);
    CHECK(given == cells_of(network, {whole.data(), tall, wide}, tall, wide));
    const char* const target = kernels().target;
    select_kernels("baseline");
    const auto expected = cells_of(network, {pixels.data(), height, width}, tall, wide);
    select_kernels(target);
    for (std::size_t scale = 0; scale < 3; ++scale)
      for (std::size_t k = 0; k < expected[scale].size(); ++k)
        CHECK(std::abs(given[scale][k] - expected[scale][k]) <= 1e-4f * (1 + std::abs(expected[scale][k])));
  }
}

// Those cells, and no others, whose first two values are large enough.
void cells_are_found() {
  const FaceNetwork network(waves(27 * 16, 0.002f), waves(16, 0.1f), layers());
  const std::size_t height = 64, width = 96;
  const auto pixels = bytes(3 * height * width);
  const auto all = cells_of(network, {pixels.data(), height, width}, height, width);
  constexpr std::size_t kValues = FaceNetwork::kCellValues;
  const float least = all[0][kValues * 5];
  Cells expected;
  for (std::size_t scale = 0; scale < 3; ++scale) {
    const std::size_t stride = FaceNetwork::kStrides[scale];
    for (std::size_t cell = 0; cell < all[scale].size() / kValues; ++cell) {
      const float* values = all[scale].data() + cell * kValues;
      if (values[0] < least || values[1] < least) continue;
      const std::size_t across = width / stride;
      for (const std::size_t place : {cell % across, cell / across, stride})
        expected.places.push_back(static_cast<float>(place));
      expected.values.insert(expected.values.end(), values, values + kValues);
    }
  }
  const Cells found = network.find({pixels.data(), height, width}, height, width, least);
  CHECK(!found.places.empty() && found.places == expected.places && found.values == expected.values);
}

void networks_that_do_not_fit_are_refused() {
  auto broken = layers();
  broken[4].mix.pop_back();
  const auto stem = waves(27 * 16, 1), bias = waves(16, 1);
  CHECK(test::refuses([&] { FaceNetwork(stem, bias, broken); }, "layers[4]"));
  CHECK(test::refuses([&] { FaceNetwork(stem, stem, layers()); }, "stem"));
  const auto pixels = bytes(3 * 40 * 40);
  const FaceNetwork network(stem, bias, layers());
  CHECK(test::refuses([&] { cells_of(network, {pixels.data(), 40, 40}, 32, 64); }, "height"));
  CHECK(test::refuses([&] { cells_of(network, {pixels.data(), 40, 40}, 64, 48); }, "width"));
}

// Squares that reach over every edge of every window.
void squares_are_cut_from_inside_their_windows() {
  const std::size_t height = 23, width = 37;
  const auto pixels = bytes(3 * height * width);
  const Pixels photo{pixels.data(), height, width};
  for (const std::size_t factor : {1u, 2u, 5u, 40u})
    for (const double angle : {0.0, 0.7, 3.0}) {
      const double c = 1.3 * std::cos(angle), s = 1.3 * std::sin(angle);
      const auto square = warp(photo, {2, 23, 0, 37}, factor, {c, -s, -3, s, c, -2}, 30);
      CHECK(square.size() == 3 * 30 * 30);
    }
  CHECK(test::refuses([&] { warp(photo, {2, 24, 0, 37}, 1, {}, 30); }, "window"));
}

}  // namespace

int main() {
  test::on_every_target(a_photo_through_the_network);
  test::on_every_target(cells_are_found);
  networks_that_do_not_fit_are_refused();
  squares_are_cut_from_inside_their_windows();
  return test::result();
}
