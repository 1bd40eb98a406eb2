// Rows in 16 or 8 bits made float32.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/view.hpp"

namespace fastface::FASTFACE_TARGET {

// Exact, of infinities and NaN too.
static void widen_halves(const Half* x, std::size_t n, float* out) noexcept {
  constexpr std::uint32_t kRebias = 112u << 23;  // of the exponent; another time for what is not finite
  for (std::size_t k = 0; k < n; ++k) {
    const auto bits = static_cast<std::uint32_t>(x[k]);
    const std::uint32_t magnitude = bits & 0x7fff;
    // Masks, as compilers keep a choice of expressions as a branch.
    const std::uint32_t small = 0u - (magnitude < 0x400), large = 0u - (magnitude >= 0x7c00);
    const std::uint32_t normal = (magnitude << 13) + kRebias + (kRebias & large);
    const float denormal = static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24f;
    const std::uint32_t value = (__builtin_bit_cast(std::uint32_t, denormal) & small) | (normal & ~small);
    out[k] = __builtin_bit_cast(float, value | (bits & 0x8000) << 16);
  }
}

static void widen_bytes(const std::int8_t* x, std::size_t n, float* out) noexcept {
  constexpr std::size_t kFitting = std::size_t{1} << 16;  // squares that add up in 32 bits
  std::int64_t square = 0;
  for (std::size_t begin = 0; begin < n; begin += kFitting) {
    const std::size_t end = n - begin < kFitting ? n : begin + kFitting;
    std::int32_t part = 0;
    for (std::size_t k = begin; k < end; ++k) part += x[k] * x[k];
    square += part;
  }
  const auto norm = static_cast<float>(__builtin_sqrt(static_cast<double>(square > 1 ? square : 1)));
  for (std::size_t k = 0; k < n; ++k) out[k] = static_cast<float>(x[k]) / norm;
}

}  // namespace fastface::FASTFACE_TARGET
