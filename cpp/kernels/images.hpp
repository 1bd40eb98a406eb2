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

// out[4 * lane + r] = lane of rows[r].
template <std::size_t... Lane>
FASTFACE_INLINE void store_columns(const f32v (&rows)[kRowsTogether], float* out,
                                   std::index_sequence<Lane...>) {
  constexpr std::size_t kHalf = kLanes / 2;
  const auto zip = [](f32v a, f32v b, f32v& low, f32v& high) {
    low = __builtin_shufflevector(a, b, (Lane % 2 * kLanes + Lane / 2)...);
    high = __builtin_shufflevector(a, b, (Lane % 2 * kLanes + Lane / 2 + kHalf)...);
  };
  f32v even[2], odd[2], columns[kRowsTogether];
  zip(rows[0], rows[2], even[0], even[1]);
  zip(rows[1], rows[3], odd[0], odd[1]);
  zip(even[0], odd[0], columns[0], columns[1]);
  zip(even[1], odd[1], columns[2], columns[3]);
  for (std::size_t k = 0; k < kRowsTogether; ++k) store(out + k * kLanes, columns[k]);
}

static void weigh_rows(const WeighedRows& rows, std::size_t width, float* out) noexcept {
  std::size_t x = 0;
  for (; x + kLanes <= width; x += kLanes) {
    f32v sums[kRowsTogether] = {};
    for (std::size_t k = 0; k < rows.count; ++k)
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kRowsTogether; ++r)
        sums[r] += splat(rows.weights[r][k]) * load_bytes(rows.first[r] + k * rows.stride + x);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kRowsTogether; ++r) sums[r] = nearest_integer(sums[r] * splat(kRowUnits));
    store_columns(sums, out + x * kRowsTogether, std::make_index_sequence<kLanes>{});
  }
  for (; x < width; ++x)
    for (std::size_t r = 0; r < kRowsTogether; ++r) {
      float sum = 0;
      for (std::size_t k = 0; k < rows.count; ++k)
        sum += rows.weights[r][k] * rows.first[r][k * rows.stride + x];
      out[x * kRowsTogether + r] = nearest_integer(sum * kRowUnits);
    }
}

// A pixel of all rows at a time: red of four, then green, blue, and a fourth value that nobody reads.
static void weigh_columns(const float* rows, const std::uint32_t* first, const float* weights,
                          std::size_t count, std::size_t width, std::uint8_t* const* out) noexcept {
  static_assert(kRowsTogether == 4);
  using pixels [[gnu::vector_size(64)]] = float;
  using levels [[gnu::vector_size(64)]] = std::int32_t;
  using bytes [[gnu::vector_size(16)]] = std::uint8_t;
  constexpr std::size_t kPixel = 3 * kRowsTogether;
  for (std::size_t x = 0; x < width; ++x) {
    pixels sum{};
    for (std::size_t k = 0; k < count; ++k) {
      pixels pixel;
      std::memcpy(&pixel, rows + kPixel * (first[x] + k), sizeof pixel);
      sum += weights[x * count + k] * pixel;
    }
    const levels rounded = __builtin_convertvector(sum * (1 / kRowUnits) + 0.5f, levels);
    const bytes colours = __builtin_convertvector(rounded, bytes);
    const bytes turned =
        __builtin_shufflevector(colours, colours, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    std::uint8_t by_row[sizeof turned];
    std::memcpy(by_row, &turned, sizeof turned);
    const std::size_t size = x + 1 < width ? 4 : 3;  // the next pixel overwrites the fourth
    for (std::size_t r = 0; r < kRowsTogether; ++r) std::memcpy(out[r] + 3 * x, by_row + 4 * r, size);
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
