#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "core/kernels.hpp"

using namespace fastface;

namespace {

void every_target_can_be_selected() {
  CHECK(!available_kernels().empty());
  CHECK(std::string_view(available_kernels().back()->target) == "baseline");
  test::on_every_target([] {
    const Kernels& kernel = kernels();
    CHECK(kernel.lanes >= 4 && kernel.tile_cols % kernel.lanes == 0 && kernel.tile_rows > 0);
    const std::vector<float> ones(37, 1.0f);
    CHECK(kernel.dot(ones.data(), ones.data(), ones.size()) == 37.0f);
    std::vector<float> sums(37, 2.0f);
    kernel.axpy(3.0f, ones.data(), sums.data(), sums.size());
    for (const float sum : sums) CHECK(sum == 5.0f);
  });
}

// sign * significand * 2^exponent, as IEEE 754 puts it.
float value_of(std::uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  const float magnitude = exponent == 31 ? (fraction ? NAN : INFINITY)
                          : exponent     ? std::ldexp(static_cast<float>(1024 + fraction), exponent - 25)
                                         : std::ldexp(static_cast<float>(fraction), -24);
  return half >> 15 ? -magnitude : magnitude;
}

void narrow_rows_widen_exactly() {
  std::vector<Half> halves(65536);
  for (std::size_t bits = 0; bits < halves.size(); ++bits) halves[bits] = Half(bits);
  std::vector<std::int8_t> bytes(256);
  float squares = 0;
  for (int k = 0; k < 256; ++k) {
    bytes[k] = static_cast<std::int8_t>(k - 128);
    squares += static_cast<float>((k - 128) * (k - 128));
  }
  test::on_every_target([&] {
    std::vector<float> wide(halves.size());
    kernels().widen_halves(halves.data(), halves.size(), wide.data());
    for (std::size_t bits = 0; bits < halves.size(); ++bits) {
      const float expected = value_of(static_cast<std::uint16_t>(bits));
      CHECK(std::isnan(expected)
                ? std::isnan(wide[bits])
                : wide[bits] == expected && std::signbit(wide[bits]) == std::signbit(expected));
    }
    kernels().widen_bytes(bytes.data(), bytes.size(), wide.data());
    for (int k = 0; k < 256; ++k) CHECK(wide[k] == static_cast<float>(k - 128) / std::sqrt(squares));
    const std::vector<std::int8_t> zeros(37);
    kernels().widen_bytes(zeros.data(), zeros.size(), wide.data());
    for (int k = 0; k < 37; ++k) CHECK(wide[k] == 0);
  });
}

void unknown_targets_are_refused() {
  CHECK(test::refuses([] { select_kernels("mmx"); }, "target: expected one of"));
  CHECK(test::refuses([] { select_kernels("mmx"); }, "'mmx'"));
}

void the_environment_overrides_the_choice() {
  setenv("FASTFACE_TARGET", "baseline", 1);
  select_kernels("");
  CHECK(std::string_view(kernels().target) == "baseline");
  setenv("FASTFACE_TARGET", "mmx", 1);
  CHECK(test::refuses([] { select_kernels(""); }, "FASTFACE_TARGET"));
  unsetenv("FASTFACE_TARGET");
  select_kernels("");
  CHECK(&kernels() == available_kernels().front());
}

}  // namespace

int main() {
  every_target_can_be_selected();
  narrow_rows_widen_exactly();
  unknown_targets_are_refused();
  the_environment_overrides_the_choice();
  return test::result();
}
