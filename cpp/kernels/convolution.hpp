// Rows of an image between the layers of a small convolutional network: pixels one after the other,
// each its channels one after the other. Used by algorithms/face_network.hpp.
//
// Every value is one accumulator, summed over the inputs in one order: its bits do not depend on where in
// a row it falls.
#pragma once

#include "core/kernels.hpp"
#include "core/simd.hpp"

namespace fastface::FASTFACE_TARGET {

// Accumulators of a tile: they fill the registers but for the weights' vectors and a broadcast.
inline constexpr std::size_t kMixVectors = 2;
inline constexpr std::size_t kMixPixels = kRegisters == 32 ? 12 : 6;

// `Pixels` pixels from `first` of the sources on, `Vectors` vectors of their channels from c on.
template <std::size_t Pixels, std::size_t Vectors, std::size_t Step>
FASTFACE_INLINE void mix_tile(const MixedRow& row, std::size_t first, std::size_t c, float* out) {
  f32v sums[Pixels][Vectors];
  for (std::size_t v = 0; v < Vectors; ++v) {
    const f32v bias = load(row.bias + c + v * kLanes);
    for (std::size_t p = 0; p < Pixels; ++p) sums[p][v] = bias;
  }
  const float* weights = row.weights + c;
  for (std::size_t r = 0; r < row.n_rows; ++r) {
    const float* source = row.rows[r] + first * Step;
    for (std::size_t k = 0; k < row.depth; ++k, weights += row.n_out) {
      f32v weight[Vectors];
      for (std::size_t v = 0; v < Vectors; ++v) weight[v] = load(weights + v * kLanes);
#pragma GCC unroll 16
      for (std::size_t p = 0; p < Pixels; ++p) {
        const f32v value = splat(source[p * Step + k]);
        for (std::size_t v = 0; v < Vectors; ++v) sums[p][v] += value * weight[v];
      }
    }
  }
  for (std::size_t p = 0; p < Pixels; ++p)
    for (std::size_t v = 0; v < Vectors; ++v) {
      const f32v value = row.rectified ? max(sums[p][v], f32v{}) : sums[p][v];
      store(out + (first + p) * row.n_out + c + v * kLanes, value);
    }
}

template <std::size_t Vectors, std::size_t Step>
FASTFACE_INLINE void mix_row(const MixedRow& row, std::size_t width, float* out) {
  for (std::size_t c = 0; c < row.n_out; c += Vectors * kLanes) {
    std::size_t x = 0;
    for (; x + kMixPixels <= width; x += kMixPixels) mix_tile<kMixPixels, Vectors, Step>(row, x, c, out);
    for (; x + 4 <= width; x += 4) mix_tile<4, Vectors, Step>(row, x, c, out);
    for (; x < width; ++x) mix_tile<1, Vectors, Step>(row, x, c, out);
  }
}

template <std::size_t Step>
static void mix_row_by_width(const MixedRow& row, std::size_t width, float* out) noexcept {
  if (row.n_out % (kMixVectors * kLanes))
    mix_row<1, Step>(row, width, out);
  else
    mix_row<kMixVectors, Step>(row, width, out);
}

// Known steps make addresses constants.
static void mix_channels(const MixedRow& row, std::size_t width, float* out) noexcept {
  switch (row.step) {
    case kStemStep:
      return mix_row_by_width<kStemStep>(row, width, out);
    case 16:
      return mix_row_by_width<16>(row, width, out);
    case 32:
      return mix_row_by_width<32>(row, width, out);
    default:
      return mix_row_by_width<64>(row, width, out);
  }
}

// `first`: of channel c of the tile's first pixel.
template <std::size_t Pixels>
FASTFACE_INLINE void filter_tile(const FilteredRow& row, std::size_t c, std::size_t first, float* out) {
  f32v sums[Pixels];
  for (std::size_t p = 0; p < Pixels; ++p) sums[p] = load(row.bias + c);
  for (std::size_t r = 0; r < 3; ++r) {
    f32v values[Pixels + 2];
    for (std::size_t p = 0; p < Pixels + 2; ++p) values[p] = load(row.rows[r] + first + p * row.n_channels);
    for (std::size_t t = 0; t < 3; ++t) {
      const f32v weight = load(row.weights + (3 * r + t) * row.n_channels + c);
      for (std::size_t p = 0; p < Pixels; ++p) sums[p] += values[p + t] * weight;
    }
  }
  for (std::size_t p = 0; p < Pixels; ++p)
    store(out + first + p * row.n_channels, row.rectified ? max(sums[p], f32v{}) : sums[p]);
}

// A few pixels of all channels after the other, as they lie in memory.
static void filter_channels(const FilteredRow& row, std::size_t width, float* out) noexcept {
  constexpr std::size_t kPixels = kRegisters == 32 ? 8 : 4;
  std::size_t x = 0;
  for (; x + kPixels <= width; x += kPixels)
    for (std::size_t c = 0; c < row.n_channels; c += kLanes)
      filter_tile<kPixels>(row, c, x * row.n_channels + c, out);
  for (; x < width; ++x)
    for (std::size_t c = 0; c < row.n_channels; c += kLanes)
      filter_tile<1>(row, c, x * row.n_channels + c, out);
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
