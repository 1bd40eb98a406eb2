// mix_blocks (blocks.hpp) where the matrix unit multiplies halves of float32 (core/matrix_unit.hpp).
#pragma once

#include "core/kernels.hpp"
#include "core/matrix_unit.hpp"
#include "core/simd.hpp"
#include "kernels/blocks.hpp"

namespace fastface::FASTFACE_TARGET {

// [tile of 16 pixels][tile of 32 values], the last ones filled with zeros.
FASTFACE_INLINE void split_pixels(const BlockMix& mix, std::size_t n_pixels, std::uint16_t* out) {
  constexpr std::size_t kRow = 2 * kBlock;
  const std::size_t n_tiles = split_tiles(mix.n_parts);
  const std::size_t rows = (n_pixels + kBlock - 1) / kBlock * kBlock;
  for (std::size_t t = 0; t < n_tiles; ++t) {
    const float* first = mix.source + 2 * t * mix.part_step;
    const bool two = 2 * t + 1 < mix.n_parts;
    for (std::size_t p = 0; p < rows; ++p) {
      std::uint16_t* row = out + (p / kBlock * n_tiles + t) * kHalves + p % kBlock * kRow;
      const bool there = p < n_pixels;
      split_row(there ? load(first + p * kBlock) : f32v{},
                there && two ? load(first + mix.part_step + p * kBlock) : f32v{}, row, row + kHalves / 2);
    }
  }
}

static void split_weights(const float* weights, std::size_t n_in, std::size_t n_out,
                          std::uint16_t* out) noexcept {
  constexpr std::size_t kDepth = 2 * kBlock;
  const auto value = [=](std::size_t k, std::size_t c) { return k < n_in ? weights[k * n_out + c] : 0.0f; };
  for (std::size_t output = 0; output < n_out; output += kBlock)
    for (std::size_t first = 0; first < n_in; first += kDepth, out += kHalves)
      for (std::size_t k = 0; k < kDepth; k += 2) {
        alignas(64) float pairs[kDepth];  // of one output after the other
        for (std::size_t c = 0; c < kBlock; ++c) {
          pairs[2 * c] = value(first + k, output + c);
          pairs[2 * c + 1] = value(first + k + 1, output + c);
        }
        std::uint16_t* row = out + k / 2 * kDepth;
        split_row(load(pairs), load(pairs + kLanes), row, row + kHalves / 2);
      }
}

FASTFACE_INLINE void finish_pixels(const BlockMix& mix, const float* sums, std::size_t first,
                                   std::size_t count, std::size_t output) {
  const f32v slope = load(mix.slope + output);
  const std::size_t place = output / kBlock * mix.out_step + first * kBlock;
  for (std::size_t p = 0; p < count; ++p) {
    f32v value = curve(load(sums + p * kBlock), slope);
    if (mix.added) value += load(mix.added + place + p * kBlock);
    store(mix.out + place + p * kBlock, value);
  }
}

// One or two blocks of outputs of all pixels: their weights stay in the nearest caches.
template <bool TwoRight>
FASTFACE_INLINE void mix_split_outputs(const BlockMix& mix, std::size_t n_pixels, std::size_t output) {
  const std::size_t step = split_tiles(mix.n_parts) * kHalves;
  const std::uint16_t* right = mix.halves + output / kBlock * step;
  const auto tile = [&]<bool TwoLeft>(std::size_t first) {
    constexpr std::size_t kRows = (TwoLeft ? 2 : 1) * kBlock;
    alignas(64) float sums[2 * kRows * kBlock];
    multiply_halves<TwoLeft, TwoRight>(mix.scratch + first / kBlock * step, step, right, step, step / kHalves,
                                       mix.bias + output, sums);
    const std::size_t count = n_pixels - first < kRows ? n_pixels - first : kRows;
    finish_pixels(mix, sums, first, count, output);
    if constexpr (TwoRight) finish_pixels(mix, sums + kRows * kBlock, first, count, output + kBlock);
  };
  std::size_t p = 0;
  for (; p + kBlock < n_pixels; p += 2 * kBlock) tile.template operator()<true>(p);
  if (p < n_pixels) tile.template operator()<false>(p);
}

static void mix_split_blocks(const BlockMix& mix, std::size_t n_pixels) noexcept {
  split_pixels(mix, n_pixels, mix.scratch);
  const MatrixUnit<kBlock> unit;
  std::size_t output = 0;
  for (; output + 2 * kBlock <= mix.n_out; output += 2 * kBlock)
    mix_split_outputs<true>(mix, n_pixels, output);
  if (output < mix.n_out) mix_split_outputs<false>(mix, n_pixels, output);
}

static void mix_any_blocks(const BlockMix& mix, std::size_t n_pixels) noexcept {
  if (kHasMatrixUnit && mix.halves)
    mix_split_blocks(mix, n_pixels);
  else
    mix_blocks(mix, n_pixels);
}

}  // namespace fastface::FASTFACE_TARGET
