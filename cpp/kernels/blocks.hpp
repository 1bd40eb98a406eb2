// Layers of a network over images whose channels lie in blocks: [block][pixel][kBlock channels]. A block of
// a pixel is a line of the cache, and neighbouring pixels are a constant apart whatever the number of
// channels. Used by algorithms/chain_network.hpp.
//
// Every value is one accumulator, which begins with the bias and is summed over the inputs in one order:
// its bits do not depend on where in an image, or in which of several images, it falls.
#pragma once

#include "core/kernels.hpp"
#include "core/simd.hpp"
#include "kernels/gemm.hpp"

namespace fastface::FASTFACE_TARGET {

inline constexpr std::size_t kBlockVectors = kBlock / kLanes;

// Vectors of outputs and pixels of a tile: its accumulators fill the registers but for the weights'
// vectors and a broadcast. A tile has whole blocks of outputs where it can.
inline constexpr std::size_t kTallVectors = kLanes == kBlock ? 2 : kBlockVectors;
inline constexpr std::size_t kTallPixels = (kRegisters - kTallVectors - 1) / kTallVectors;
// Of few pixels, as of a layer of whole images: more outputs, so that additions need not wait.
inline constexpr std::size_t kWideBlocks = kRegisters == 32 ? (kLanes == kBlock ? 4 : 1) : 1;
inline constexpr std::size_t kWidePixels =
    (kRegisters - kWideBlocks * kBlockVectors - 1) / (kWideBlocks * kBlockVectors);

FASTFACE_INLINE f32v curve(f32v value, f32v slope) { return max(value, f32v{}) + slope * min(value, f32v{}); }

// `Pixels` pixels from `first` on, `Vectors` vectors of outputs from `output` on. Step: that of pixels, if
// it is known.
template <std::size_t Pixels, std::size_t Vectors, std::size_t Step>
FASTFACE_INLINE void mix_block_tile(const BlockMix& mix, std::size_t first, std::size_t output) {
  const std::size_t depth = mix.n_parts * mix.depth, step = Step ? Step : mix.pixel_step;
  const auto block_of = [output](std::size_t v) { return (output + v * kLanes) / kBlock; };
  const auto within = [output](std::size_t v) { return (output + v * kLanes) % kBlock; };
  f32v sums[Pixels][Vectors];
#pragma GCC unroll 16
  for (std::size_t v = 0; v < Vectors; ++v) {
    const f32v bias = load(mix.bias + output + v * kLanes);
#pragma GCC unroll 16
    for (std::size_t p = 0; p < Pixels; ++p) sums[p][v] = bias;
  }
  const float* weights[Vectors];
#pragma GCC unroll 16
  for (std::size_t v = 0; v < Vectors; ++v)
    weights[v] = mix.weights + block_of(v) * depth * kBlock + within(v);
  std::size_t at = 0;
  for (std::size_t r = 0; r < mix.n_parts; ++r) {
    const float* source = mix.source + r * mix.part_step + first * step;
    for (std::size_t k = 0; k < mix.depth; ++k, at += kBlock) {
      f32v weight[Vectors];
#pragma GCC unroll 16
      for (std::size_t v = 0; v < Vectors; ++v) {
        weight[v] = load(weights[v] + at);
        if (v * kLanes % kBlock == 0) __builtin_prefetch(weights[v] + at + kStepsAhead * kBlock);
      }
#pragma GCC unroll 16
      for (std::size_t p = 0; p < Pixels; ++p) {
        const f32v value = splat(source[p * step + k]);
#pragma GCC unroll 16
        for (std::size_t v = 0; v < Vectors; ++v) sums[p][v] += value * weight[v];
      }
    }
  }
#pragma GCC unroll 16
  for (std::size_t v = 0; v < Vectors; ++v) {
    const f32v slope = load(mix.slope + output + v * kLanes);
    const std::size_t place = block_of(v) * mix.out_step + first * kBlock + within(v);
#pragma GCC unroll 16
    for (std::size_t p = 0; p < Pixels; ++p) {
      f32v value = curve(sums[p][v], slope);
      if (mix.added) value += load(mix.added + place + p * kBlock);
      store(mix.out + place + p * kBlock, value);
    }
  }
}

template <std::size_t Vectors, std::size_t Step>
FASTFACE_INLINE void mix_block_pixels(const BlockMix& mix, std::size_t n_pixels, std::size_t output) {
  std::size_t p = 0;
  for (; p + kTallPixels <= n_pixels; p += kTallPixels)
    mix_block_tile<kTallPixels, Vectors, Step>(mix, p, output);
  constexpr std::size_t kHalf = kTallPixels / 2;
  if constexpr (kHalf > 1)
    for (; p + kHalf <= n_pixels; p += kHalf) mix_block_tile<kHalf, Vectors, Step>(mix, p, output);
  for (; p < n_pixels; ++p) mix_block_tile<1, Vectors, Step>(mix, p, output);
}

template <std::size_t Step>
static void mix_blocks_by(const BlockMix& mix, std::size_t n_pixels) noexcept {
  constexpr std::size_t kOutputs = kTallVectors * kLanes;
  std::size_t output = 0;
  for (; output + kOutputs <= mix.n_out; output += kOutputs)
    mix_block_pixels<kTallVectors, Step>(mix, n_pixels, output);
  if constexpr (kOutputs > kBlock)
    for (; output < mix.n_out; output += kBlock) mix_block_pixels<1, Step>(mix, n_pixels, output);
}

static void mix_few(const BlockMix& mix, std::size_t n_pixels) noexcept {
  constexpr std::size_t kVectors = kWideBlocks * kBlockVectors;
  std::size_t output = 0;
  for (; output + kWideBlocks * kBlock <= mix.n_out; output += kWideBlocks * kBlock) {
    std::size_t p = 0;
    for (; p + 4 <= n_pixels && kWidePixels >= 4; p += 4) mix_block_tile<4, kVectors, 0>(mix, p, output);
    for (; p + 2 <= n_pixels; p += 2) mix_block_tile<2, kVectors, 0>(mix, p, output);
    for (; p < n_pixels; ++p) mix_block_tile<1, kVectors, 0>(mix, p, output);
  }
  for (; output < mix.n_out; output += kBlock)
    for (std::size_t p = 0; p < n_pixels; ++p) mix_block_tile<1, kBlockVectors, 0>(mix, p, output);
}

// Known steps make addresses constants.
static void mix_blocks(const BlockMix& mix, std::size_t n_pixels) noexcept {
  switch (mix.pixel_step) {
    case kBlock:
      return mix_blocks_by<kBlock>(mix, n_pixels);
    case 3:
      return mix_blocks_by<3>(mix, n_pixels);
    case 6:
      return mix_blocks_by<6>(mix, n_pixels);
    default:
      return mix_few(mix, n_pixels);
  }
}

// Taps [top, bottom) x [left, right) of one pixel; `source` is where the first of them all would be.
FASTFACE_INLINE void filter_pixel(const BlockFilter& filter, const float* source, std::size_t top,
                                  std::size_t bottom, std::size_t left, std::size_t right, float* out) {
  for (std::size_t c = 0; c < kBlock; c += kLanes) {
    f32v sum = load(filter.bias + c);
    for (std::size_t r = top; r < bottom; ++r)
      for (std::size_t t = left; t < right; ++t)
        sum += load(source + (r * filter.width + t) * kBlock + c) *
               load(filter.weights + (r * filter.size + t) * kBlock + c);
    store(out + c, curve(sum, load(filter.slope + c)));
  }
}

// `Pixels` pixels whose three columns of taps all lie in the image.
template <std::size_t Pixels, std::size_t Stride>
FASTFACE_INLINE void filter_block_tile(const BlockFilter& filter, const float* source, std::size_t top,
                                       std::size_t bottom, float* out) {
  constexpr std::size_t kValues = (Pixels - 1) * Stride + 3;
  for (std::size_t c = 0; c < kBlock; c += kLanes) {
    f32v sums[Pixels];
#pragma GCC unroll 16
    for (std::size_t p = 0; p < Pixels; ++p) sums[p] = load(filter.bias + c);
    for (std::size_t r = top; r < bottom; ++r) {
      f32v values[kValues];
#pragma GCC unroll 20
      for (std::size_t p = 0; p < kValues; ++p)
        values[p] = load(source + (r * filter.width + p) * kBlock + c);
#pragma GCC unroll 3
      for (std::size_t t = 0; t < 3; ++t) {
        const f32v weight = load(filter.weights + (r * 3 + t) * kBlock + c);
#pragma GCC unroll 16
        for (std::size_t p = 0; p < Pixels; ++p) sums[p] += values[p * Stride + t] * weight;
      }
    }
    const f32v slope = load(filter.slope + c);
#pragma GCC unroll 16
    for (std::size_t p = 0; p < Pixels; ++p) store(out + p * kBlock + c, curve(sums[p], slope));
  }
}

template <std::size_t Stride>
FASTFACE_INLINE std::size_t filter_inside(const BlockFilter& filter, const float* source, std::size_t top,
                                          std::size_t bottom, std::size_t x, std::size_t end, float* out) {
  constexpr std::size_t kPixels = kRegisters == 32 ? 8 : 4;
  const auto tile = [&]<std::size_t Pixels>() {
    for (; x + Pixels <= end; x += Pixels)
      filter_block_tile<Pixels, Stride>(filter, source + x * Stride * kBlock, top, bottom, out + x * kBlock);
  };
  tile.template operator()<kPixels>();
  tile.template operator()<kPixels / 2>();
  tile.template operator()<1>();
  return x;
}

static void filter_block_rows(const BlockFilter& filter, std::size_t first, std::size_t n_rows,
                              std::size_t n_columns, float* out) noexcept {
  const std::size_t size = filter.size, stride = filter.stride, pad = filter.pad;
  // Which taps of outputs from y on lie in the image.
  const auto begin_of = [pad, stride](std::size_t y) { return y * stride < pad ? pad - y * stride : 0; };
  const auto end_of = [pad, stride, size](std::size_t y, std::size_t side) {
    const std::size_t left = side + pad - y * stride;
    return left < size ? left : size;
  };
  for (std::size_t y = first; y < first + n_rows; ++y, out += n_columns * kBlock) {
    const std::size_t top = begin_of(y), bottom = end_of(y, filter.height);
    const float* source = filter.source + static_cast<std::ptrdiff_t>(y * stride * filter.width * kBlock) -
                          static_cast<std::ptrdiff_t>((pad * filter.width + pad) * kBlock);
    std::size_t x = 0;
    const auto edge = [&](std::size_t end) {
      for (; x < end; ++x)
        filter_pixel(filter, source + x * stride * kBlock, top, bottom, begin_of(x), end_of(x, filter.width),
                     out + x * kBlock);
    };
    edge((pad + stride - 1) / stride);
    const std::size_t fitting = (filter.width + pad - size) / stride + 1;
    const std::size_t inside = fitting < n_columns ? fitting : n_columns;
    if (size == 3 && stride == 1 && x < inside)
      x = filter_inside<1>(filter, source, top, bottom, x, inside, out);
    else if (size == 3 && stride == 2 && x < inside)
      x = filter_inside<2>(filter, source, top, bottom, x, inside, out);
    edge(n_columns);
  }
}

}  // namespace fastface::FASTFACE_TARGET
