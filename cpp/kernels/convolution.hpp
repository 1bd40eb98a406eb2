// Rows of an image between the layers of a small convolutional network: pixels one after the other,
// each its channels one after the other. Used by algorithms/face_network.hpp.
//
// Every value is one accumulator, summed over the inputs in one order: its bits do not depend on where in
// a row it falls.
#pragma once

#include "core/kernels.hpp"
#include "core/simd.hpp"

namespace fastface::FASTFACE_TARGET {

// Accumulators of a tile: they fill the registers but for the weights' vectors and a broadcast. Every loop
// over them is unrolled outright: compilers keep an array in registers only where each index is a constant.
inline constexpr std::size_t kMixVectors = 2;
inline constexpr std::size_t kMixPixels = kRegisters == 32 ? 12 : 6;

// `Pixels` pixels from `first` of the sources on, `Vectors` vectors of their channels from c on.
template <std::size_t Pixels, std::size_t Vectors, std::size_t Step>
FASTFACE_INLINE void mix_tile(const MixedRow& row, std::size_t first, std::size_t c, float* out) {
  constexpr std::size_t kDepth = Step == kStemStep ? kStemDepth : Step;
  const std::size_t n_out = row.n_out;
  f32v sums[Pixels][Vectors];
#pragma GCC unroll 2
  for (std::size_t v = 0; v < Vectors; ++v) {
    const f32v bias = load(row.bias + c + v * kLanes);
#pragma GCC unroll 16
    for (std::size_t p = 0; p < Pixels; ++p) sums[p][v] = bias;
  }
  const float* weights = row.weights + c;
  for (std::size_t r = 0; r < row.n_rows; ++r) {
    const float* source = row.rows[r] + first * Step;
    for (std::size_t k = 0; k < kDepth; ++k, weights += n_out) {
      f32v weight[Vectors];
#pragma GCC unroll 2
      for (std::size_t v = 0; v < Vectors; ++v) weight[v] = load(weights + v * kLanes);
#pragma GCC unroll 16
      for (std::size_t p = 0; p < Pixels; ++p) {
        const f32v value = splat(source[p * Step + k]);
#pragma GCC unroll 2
        for (std::size_t v = 0; v < Vectors; ++v) sums[p][v] += value * weight[v];
      }
    }
  }
  float* target = out + first * n_out + c;
  const bool rectified = row.rectified;
#pragma GCC unroll 16
  for (std::size_t p = 0; p < Pixels; ++p)
#pragma GCC unroll 2
    for (std::size_t v = 0; v < Vectors; ++v)
      store(target + p * n_out + v * kLanes, rectified ? max(sums[p][v], f32v{}) : sums[p][v]);
}

template <std::size_t Pixels, std::size_t Vectors, std::size_t Step>
FASTFACE_INLINE void mix_pixels(const MixedRow& row, std::size_t first, float* out) {
  for (std::size_t c = 0; c < row.n_out; c += Vectors * kLanes)
    mix_tile<Pixels, Vectors, Step>(row, first, c, out);
}

template <std::size_t Vectors, std::size_t Step>
static void mix_row(const MixedRow& row, std::size_t width, float* out) noexcept {
  std::size_t x = 0;
  for (; x + kMixPixels <= width; x += kMixPixels) mix_pixels<kMixPixels, Vectors, Step>(row, x, out);
  for (; x + 4 <= width; x += 4) mix_pixels<4, Vectors, Step>(row, x, out);
  for (; x < width; ++x) mix_pixels<1, Vectors, Step>(row, x, out);
}

template <std::size_t Step>
FASTFACE_INLINE void mix_row_of(const MixedRow& row, std::size_t width, float* out) {
  if (row.n_out % (kMixVectors * kLanes))
    mix_row<1, Step>(row, width, out);
  else
    mix_row<kMixVectors, Step>(row, width, out);
}

// Known steps make addresses constants.
static void mix_channels(const MixedRow& row, std::size_t width, float* out) noexcept {
  switch (row.step) {
    case kStemStep:
      return mix_row_of<kStemStep>(row, width, out);
    case 16:
      return mix_row_of<16>(row, width, out);
    case 32:
      return mix_row_of<32>(row, width, out);
    default:
      return mix_row_of<64>(row, width, out);
  }
}

// `first`: of channel c of the tile's first pixel. A pixel is used by all who need it as soon as it is read.
template <std::size_t Pixels, std::size_t Channels>
FASTFACE_INLINE void filter_tile(const FilteredRow& row, std::size_t c, std::size_t first, float* out) {
  f32v sums[Pixels];
  const f32v bias = load(row.bias + c);
#pragma GCC unroll 16
  for (std::size_t p = 0; p < Pixels; ++p) sums[p] = bias;
#pragma GCC unroll 3
  for (std::size_t r = 0; r < 3; ++r) {
    const float* source = row.rows[r] + first;
    const float* weights = row.weights + 3 * r * Channels + c;
    const f32v taps[3] = {load(weights), load(weights + Channels), load(weights + 2 * Channels)};
#pragma GCC unroll 16
    for (std::size_t p = 0; p < Pixels + 2; ++p) {
      const f32v value = in_register(load(source + p * Channels));
#pragma GCC unroll 3
      for (std::size_t t = 0; t < 3; ++t)
        if (p >= t && p - t < Pixels) sums[p - t] += value * taps[t];
    }
  }
  const bool rectified = row.rectified;
#pragma GCC unroll 16
  for (std::size_t p = 0; p < Pixels; ++p)
    store(out + first + p * Channels, rectified ? max(sums[p], f32v{}) : sums[p]);
}

// A few pixels of all channels after the other, as they lie in memory.
template <std::size_t Channels>
static void filter_row(const FilteredRow& row, std::size_t width, float* out) noexcept {
  constexpr std::size_t kPixels = kRegisters == 32 ? 8 : 4;
  std::size_t x = 0;
  for (; x + kPixels <= width; x += kPixels)
    for (std::size_t c = 0; c < Channels; c += kLanes)
      filter_tile<kPixels, Channels>(row, c, x * Channels + c, out);
  for (; x < width; ++x)
    for (std::size_t c = 0; c < Channels; c += kLanes)
      filter_tile<1, Channels>(row, c, x * Channels + c, out);
}

static void filter_channels(const FilteredRow& row, std::size_t width, float* out) noexcept {
  switch (row.n_channels) {
    case 16:
      return filter_row<16>(row, width, out);
    case 32:
      return filter_row<32>(row, width, out);
    default:
      return filter_row<64>(row, width, out);
  }
}

static void pool_channels(const float* above, const float* below, std::size_t n_channels, std::size_t width,
                          float* out) noexcept {
  for (std::size_t x = 0; x < width; ++x)
    for (std::size_t c = 0; c < n_channels; c += kLanes) {
      const std::size_t left = 2 * x * n_channels + c, right = left + n_channels;
      store(out + x * n_channels + c,
            max(max(load(above + left), load(above + right)), max(load(below + left), load(below + right))));
    }
}

}  // namespace fastface::FASTFACE_TARGET
