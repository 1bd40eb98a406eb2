#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "algorithms/chain_network.hpp"
#include "check.hpp"

using namespace fastface;

namespace {

constexpr std::size_t kSide = 37, kDims = 32;

std::vector<float> waves(std::size_t count, float size) {
  std::vector<float> values(count);
  for (std::size_t k = 0; k < count; ++k) values[k] = size * std::sin(static_cast<float>(k * k % 1009));
  return values;
}

ChainLayer layer(ChainKind kind, std::size_t n_in, std::size_t n_out, std::size_t size, std::size_t stride,
                 std::size_t pad, std::size_t added = ChainLayer::kNone) {
  const std::size_t depth = (kind == ChainKind::kFilter ? 1 : n_in) * size * size;
  const float scale = 1.5f / std::sqrt(static_cast<float>(depth));
  return {kind,
          n_in,
          n_out,
          size,
          stride,
          pad,
          waves(depth * n_out, scale),
          waves(n_out, 0.1f),
          waves(n_out, 0.5f),
          added};
}

// Filters by themselves and before a layer that mixes, sums across both, images of many and of few pixels.
std::vector<ChainLayer> layers() {
  using enum ChainKind;
  return {layer(kFirst, 3, 16, 3, 2, 1),   layer(kFilter, 16, 16, 3, 1, 1), layer(kMix, 16, 48, 1, 1, 0),
          layer(kMix, 48, 48, 1, 1, 0, 2), layer(kFilter, 48, 48, 5, 2, 2), layer(kFilter, 48, 48, 3, 2, 1),
          layer(kMix, 48, 64, 1, 1, 0),    layer(kFilter, 64, 64, 3, 1, 1), layer(kMix, 64, 64, 1, 1, 0, 6)};
}

ChainNetwork network() {
  const std::size_t n_values = 64 * 5 * 5;
  return {kSide, 127.5f, layers(), waves(kDims * n_values, 0.01f), waves(kDims, 0.1f)};
}

std::vector<std::uint8_t> crops(std::size_t count) {
  std::vector<std::uint8_t> values(count * kSide * kSide * 3);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<std::uint8_t>(k * k % 251);
  return values;
}

std::vector<float> vectors_of(const ChainNetwork& chain, const std::uint8_t* bytes, std::size_t count) {
  std::vector<float> vectors(count * kDims);
  chain.run(bytes, count, vectors.data());
  return vectors;
}

// Nothing beyond an image's ends is read or written; the bits do not depend on how many crops there are;
// targets differ by rounding.
void crops_through_the_network() {
  const ChainNetwork chain = network();
  const auto bytes = crops(5);
  const auto together = vectors_of(chain, bytes.data(), 5);
  for (std::size_t k = 0; k < 5; ++k) {
    const auto alone = vectors_of(chain, bytes.data() + k * kSide * kSide * 3, 1);
    CHECK(std::equal(alone.begin(), alone.end(), together.begin() + static_cast<std::ptrdiff_t>(k * kDims)));
  }
  const char* const target = kernels().target;
  select_kernels("baseline");
  const auto expected = vectors_of(chain, bytes.data(), 5);
  select_kernels(target);
  for (std::size_t k = 0; k < expected.size(); ++k)
    CHECK(std::abs(together[k] - expected[k]) <= 1e-3f * (1 + std::abs(expected[k])));
}

// Bytes: the same whatever the count; targets differ where a sum is on the edge between two bytes.
void crops_through_a_network_of_bytes() {
  using enum ChainKind;
  const std::vector<ChainLayer> given = {layer(kFirst, 3, 16, 3, 2, 1), layer(kFilter, 16, 16, 3, 1, 1),
                                         layer(kMix, 16, 48, 1, 1, 0),  layer(kFilter, 48, 48, 3, 2, 1),
                                         layer(kMix, 48, 32, 1, 1, 0),  layer(kFilter, 32, 32, 3, 2, 1)};
  std::vector<ChainRounding> rounding;
  for (const ChainLayer& k : given) rounding.push_back({std::vector<float>(k.n_out, 0.02f), 100});
  const auto made = [&] {
    return ChainNetwork(kSide, 127, given, waves(kDims * 32 * 25, 0.01f), waves(kDims, 0.1f), rounding);
  };
  const auto bytes = crops(5);
  const ChainNetwork chain = made();
  const auto together = vectors_of(chain, bytes.data(), 5);
  for (std::size_t k = 0; k < 5; ++k) {
    const auto alone = vectors_of(chain, bytes.data() + k * kSide * kSide * 3, 1);
    CHECK(std::equal(alone.begin(), alone.end(), together.begin() + static_cast<std::ptrdiff_t>(k * kDims)));
  }
  const char* const target = kernels().target;
  select_kernels("baseline");
  const auto expected = vectors_of(made(), bytes.data(), 5);
  select_kernels(target);
  for (std::size_t k = 0; k < expected.size(); ++k)
    CHECK(std::abs(together[k] - expected[k]) <= 0.02f * (1 + std::abs(expected[k])));
  rounding[2].zero = 300;
  CHECK(test::refuses([&] { made(); }, "rounding[2]"));
}

void networks_that_do_not_fit_are_refused() {
  const auto made = [](const std::vector<ChainLayer>& given, std::size_t n_values) {
    return ChainNetwork(kSide, 0, given, waves(kDims * n_values, 1), waves(kDims, 1));
  };
  CHECK(test::refuses([&] { made(layers(), 64 * 4 * 4); }, "dense"));
  auto broken = layers();
  broken[2].weights.pop_back();
  CHECK(test::refuses([&] { made(broken, 64 * 5 * 5); }, "layers[2]"));
  broken = layers();
  broken[3].added = 1;
  CHECK(test::refuses([&] { made(broken, 64 * 5 * 5); }, "layers[3]: what is added"));
  broken = layers();
  broken[1].pad = 3;
  CHECK(test::refuses([&] { made(broken, 64 * 5 * 5); }, "layers[1]: does not fit"));
}

}  // namespace

int main() {
  test::on_every_target(crops_through_the_network);
  test::on_every_target(crops_through_a_network_of_bytes);
  networks_that_do_not_fit_are_refused();
  return test::result();
}
