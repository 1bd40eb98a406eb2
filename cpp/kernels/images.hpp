// Weighted sums of rows and of columns of 8-bit RGB pixels: the two halves of algorithms/shrink.hpp;
// and the pixels of a row one colour after the other.
// Weights are multiples of 2^-14 and what they weigh has ten bits, so that every product and every sum
// is exact in float32: all targets give the same bits, with FMA and without.
#pragma once

#include "core/kernels.hpp"
#include "core/simd.hpp"

namespace fastface::FASTFACE_TARGET {

// To the nearest integer, for 0 <= x < 2^22: above 1.5 * 2^23 a float has no room for fractions.
FASTFACE_INLINE float nearest_integer(float x) { return (x + 12582912.0f) - 12582912.0f; }
FASTFACE_INLINE f32v nearest_integer(f32v x) { return (x + splat(12582912.0f)) - splat(12582912.0f); }

static void weigh_rows(const std::uint8_t* first, std::size_t stride, const float* weights, std::size_t count,
                       std::size_t width, float* out) noexcept {
  constexpr std::size_t kBlock = 4;  // vectors that share a weight
  std::size_t x = 0;
  for (; x + kBlock * kLanes <= width; x += kBlock * kLanes) {
    f32v sums[kBlock] = {};
    for (std::size_t k = 0; k < count; ++k) {
      const f32v weight = splat(weights[k]);
      const std::uint8_t* source = first + k * stride + x;
      for (std::size_t u = 0; u < kBlock; ++u) sums[u] += weight * load_bytes(source + u * kLanes);
    }
    for (std::size_t u = 0; u < kBlock; ++u)
      store(out + x + u * kLanes, nearest_integer(sums[u] * splat(kRowUnits)));
  }
  for (; x < width; ++x) {
    float sum = 0;
    for (std::size_t k = 0; k < count; ++k) sum += weights[k] * first[k * stride + x];
    out[x] = nearest_integer(sum * kRowUnits);
  }
}

static void weigh_columns(const float* row, const std::uint32_t* first, const float* weights,
                          std::size_t count, std::size_t width, std::uint8_t* out) noexcept {
  using rgb = float [[gnu::vector_size(16)]];  // and a fourth lane that nobody reads
  using levels = std::int32_t [[gnu::vector_size(16)]];
  using bytes = std::uint8_t [[gnu::vector_size(4)]];
  for (std::size_t x = 0; x < width; ++x) {
    rgb sum{};
    for (std::size_t k = 0; k < count; ++k) {
      rgb pixel;
      std::memcpy(&pixel, row + 3 * (first[x] + k), sizeof pixel);
      sum += weights[x * count + k] * pixel;
    }
    const levels rounded = __builtin_convertvector(sum * (1 / kRowUnits) + 0.5f, levels);
    const bytes pixel = __builtin_convertvector(rounded, bytes);
    std::memcpy(out + 3 * x, &pixel, x + 1 < width ? 4 : 3);  // the next pixel overwrites the fourth
  }
}

// Compilers know how to take such triples apart, on every target.
static void spread_row(const std::uint8_t* pixels, std::size_t width, float* __restrict red,
                       float* __restrict green, float* __restrict blue) noexcept {
  for (std::size_t x = 0; x < width; ++x) {
    red[x] = pixels[3 * x];
    green[x] = pixels[3 * x + 1];
    blue[x] = pixels[3 * x + 2];
  }
}

}  // namespace fastface::FASTFACE_TARGET
