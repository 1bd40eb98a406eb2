// The layers of blocks.hpp over images of 8-bit values, in the words that this target multiplies: a byte
// where it has products of bytes, else 16 bits. A value q of 0..255 lies as q less 128, plus kRightOffset.
//
// Layers that mix channels sum integers, so that these sums are the same on every target; layers that filter
// each channel by itself do so little with a value that they compute in float32.
#pragma once

#include "core/kernels.hpp"
#include "core/simd.hpp"
#include "kernels/blocks.hpp"
#include "kernels/quantised.hpp"

namespace fastface::FASTFACE_TARGET {

// What is stored of a byte q is q - kByteOffset.
inline constexpr int kByteOffset = 128 - kRightOffset;
using stored_value = std::conditional_t<kRightOffset == 0, word_value, std::uint8_t>;

FASTFACE_INLINE f32v load_stored(const stored_value* source) {
  if constexpr (kRightOffset != 0) {
    return load_bytes(reinterpret_cast<const std::uint8_t*>(source));
  } else {
    using narrow [[gnu::vector_size(kLanes * sizeof(stored_value))]] = stored_value;
    narrow values;
    std::memcpy(&values, source, sizeof values);
    return __builtin_convertvector(values, f32v);
  }
}

// Rounds value + zero, which is in stored units, to what can be stored.
FASTFACE_INLINE void store_rounded(stored_value* target, f32v value, f32v zero) {
  constexpr float kLeast = -kByteOffset, kMost = 255 - kByteOffset;
  const i32v whole = round_to_int(min(max(value + zero, splat(kLeast)), splat(kMost)));
  if constexpr (kRightOffset != 0) {
    store_low_bytes(reinterpret_cast<std::uint8_t*>(target), whole);
  } else {
    using narrow [[gnu::vector_size(kLanes * sizeof(stored_value))]] = stored_value;
    const narrow values = __builtin_convertvector(whole, narrow);
    std::memcpy(target, &values, sizeof values);
  }
}

static void store_words(const float* values, std::size_t n, int zero, void* out) noexcept {
  const f32v shift = splat(static_cast<float>(zero - kByteOffset));
  for (std::size_t k = 0; k < n; k += kLanes)
    store_rounded(static_cast<stored_value*>(out) + k, load(values + k), shift);
}

// out[block of outputs][word][output] of weights (n_in, n_out), and for each output what its sum begins with.
static void pack_word_weights(const std::int8_t* weights, std::size_t n_in, std::size_t n_out, int zero,
                              std::int32_t* out, std::int32_t* start) noexcept {
  for (std::size_t c = 0; c < n_out; ++c) {
    std::int32_t sum = 0;
    std::int32_t* words = out + c / kBlock * (n_in / kWordValues) * kBlock + c % kBlock;
    for (std::size_t k = 0; k < n_in; k += kWordValues, words += kBlock) {
      word_value values[kWordValues];
      for (std::size_t i = 0; i < kWordValues; ++i) sum += values[i] = weights[(k + i) * n_out + c];
      std::memcpy(words, values, sizeof values);
    }
    start[c] = -(zero - kByteOffset) * sum;
  }
}

template <std::size_t Pixels, std::size_t Vectors, std::size_t Step>
FASTFACE_INLINE void mix_word_tile(const WordMix& mix, std::size_t first, std::size_t output) {
  const std::size_t step = Step ? Step : mix.pixel_step;
  const std::size_t words = mix.depth / kWordValues, n_words = mix.n_parts * words;
  const auto block_of = [output](std::size_t v) { return (output + v * kLanes) / kBlock; };
  const auto within = [output](std::size_t v) { return (output + v * kLanes) % kBlock; };
  i32v sums[Pixels][Vectors];
  const std::int32_t* weights[Vectors];
#pragma GCC unroll 16
  for (std::size_t v = 0; v < Vectors; ++v) {
    const i32v start = load(mix.start + output + v * kLanes);
#pragma GCC unroll 16
    for (std::size_t p = 0; p < Pixels; ++p) sums[p][v] = start;
    weights[v] = mix.weights + block_of(v) * n_words * kBlock + within(v);
  }
  std::size_t at = 0;
  for (std::size_t r = 0; r < mix.n_parts; ++r) {
    const stored_value* source =
        static_cast<const stored_value*>(mix.source) + r * mix.part_step + first * step;
    for (std::size_t w = 0; w < words; ++w, at += kBlock, source += kWordValues) {
      i32v weight[Vectors];
#pragma GCC unroll 16
      for (std::size_t v = 0; v < Vectors; ++v) {
        weight[v] = load(weights[v] + at);
        if (v * kLanes % kBlock == 0) __builtin_prefetch(weights[v] + at + kStepsAhead * kBlock);
      }
#pragma GCC unroll 16
      for (std::size_t p = 0; p < Pixels; ++p) {
        std::int32_t word;
        std::memcpy(&word, source + p * step, sizeof word);
        const i32v value = splat(word);
#pragma GCC unroll 16
        for (std::size_t v = 0; v < Vectors; ++v) sums[p][v] = accumulate(sums[p][v], weight[v], value);
      }
    }
  }
  const f32v zero = splat(static_cast<float>(mix.zero - kByteOffset));
#pragma GCC unroll 16
  for (std::size_t v = 0; v < Vectors; ++v) {
    const f32v factor = load(mix.factor + output + v * kLanes), bias = load(mix.bias + output + v * kLanes);
    const f32v slope = load(mix.slope + output + v * kLanes);
    const std::size_t place = block_of(v) * mix.out_step + first * kBlock + within(v);
#pragma GCC unroll 16
    for (std::size_t p = 0; p < Pixels; ++p) {
      const f32v value = curve(bias + to_float(sums[p][v]) * factor, slope);
      if (mix.plain)
        store(static_cast<float*>(mix.out) + place + p * kBlock, value);
      else
        store_rounded(static_cast<stored_value*>(mix.out) + place + p * kBlock, value, zero);
    }
  }
}

template <std::size_t Vectors, std::size_t Step>
FASTFACE_INLINE void mix_word_pixels(const WordMix& mix, std::size_t n_pixels, std::size_t output) {
  std::size_t p = 0;
  const auto tile = [&]<std::size_t Pixels>() {
    for (; p + Pixels <= n_pixels; p += Pixels) mix_word_tile<Pixels, Vectors, Step>(mix, p, output);
  };
  tile.template operator()<kTallPixels>();
  if constexpr (kTallPixels >= 4) tile.template operator()<kTallPixels / 2>();
  tile.template operator()<1>();
}

// A known step makes addresses constants.
template <std::size_t Step>
static void mix_words_by(const WordMix& mix, std::size_t n_pixels) noexcept {
  constexpr std::size_t kOutputs = kTallVectors * kLanes;
  std::size_t output = 0;
  for (; output + kOutputs <= mix.n_out; output += kOutputs)
    mix_word_pixels<kTallVectors, Step>(mix, n_pixels, output);
  if constexpr (kOutputs > kBlock)
    for (; output < mix.n_out; output += kBlock) mix_word_pixels<1, Step>(mix, n_pixels, output);
}

static void mix_words(const WordMix& mix, std::size_t n_pixels) noexcept {
  return mix.pixel_step == kBlock ? mix_words_by<kBlock>(mix, n_pixels) : mix_words_by<0>(mix, n_pixels);
}

// `Pixels` pixels from taps [left, right) x [top, bottom) on.
template <std::size_t Pixels, std::size_t Size, std::size_t Stride>
FASTFACE_INLINE void filter_word_tile(const WordFilter& filter, const stored_value* source, std::size_t top,
                                      std::size_t bottom, std::size_t left, std::size_t right,
                                      stored_value* out) {
  constexpr std::size_t kValues = (Pixels - 1) * Stride + Size;
  const f32v zero_in = splat(static_cast<float>(filter.zero_in - kByteOffset));
  const f32v zero = splat(static_cast<float>(filter.zero - kByteOffset));
  for (std::size_t c = 0; c < kBlock; c += kLanes) {
    f32v sums[Pixels];
#pragma GCC unroll 16
    for (std::size_t p = 0; p < Pixels; ++p) sums[p] = load(filter.bias + c);
    for (std::size_t r = top; r < bottom; ++r) {
      const stored_value* row = source + r * filter.width * kBlock + c;
      const float* weights = filter.weights + r * Size * kBlock + c;
      if constexpr (Pixels == 1) {
        for (std::size_t t = left; t < right; ++t)
          sums[0] += (load_stored(row + t * kBlock) - zero_in) * load(weights + t * kBlock);
      } else {
        f32v values[kValues];
#pragma GCC unroll 20
        for (std::size_t p = 0; p < kValues; ++p) values[p] = load_stored(row + p * kBlock) - zero_in;
#pragma GCC unroll 3
        for (std::size_t t = 0; t < Size; ++t)
#pragma GCC unroll 16
          for (std::size_t p = 0; p < Pixels; ++p)
            sums[p] += values[p * Stride + t] * load(weights + t * kBlock);
      }
    }
    const f32v slope = load(filter.slope + c);
#pragma GCC unroll 16
    for (std::size_t p = 0; p < Pixels; ++p) store_rounded(out + p * kBlock + c, curve(sums[p], slope), zero);
  }
}

template <std::size_t Stride>
static void filter_word_rows_by(const WordFilter& filter, std::size_t first, std::size_t n_rows,
                                std::size_t n_columns, stored_value* out) noexcept {
  constexpr std::size_t kSize = 3, kPixels = kRegisters == 32 ? 8 : 4;
  const auto end_of = [](std::size_t y, std::size_t side) {
    const std::size_t left = side + 1 - y * Stride;
    return left < kSize ? left : kSize;
  };
  for (std::size_t y = first; y < first + n_rows; ++y, out += n_columns * kBlock) {
    const std::size_t top = y == 0 ? 1 : 0, bottom = end_of(y, filter.height);
    // Taps begin a row above and a pixel before; those outside are not read.
    const auto begin = static_cast<std::ptrdiff_t>(y * Stride * filter.width) -
                       static_cast<std::ptrdiff_t>(filter.width + 1);
    const stored_value* source =
        static_cast<const stored_value*>(filter.source) + begin * static_cast<std::ptrdiff_t>(kBlock);
    const std::size_t fitting = (filter.width - 2) / Stride + 1;
    const std::size_t inside = fitting < n_columns ? fitting : n_columns;
    filter_word_tile<1, kSize, Stride>(filter, source, top, bottom, 1, end_of(0, filter.width), out);
    std::size_t x = 1;
    const auto tile = [&]<std::size_t Pixels>(std::size_t end) {
      for (; x + Pixels <= end; x += Pixels)
        filter_word_tile<Pixels, kSize, Stride>(filter, source + x * Stride * kBlock, top, bottom, 0,
                                                end_of(x, filter.width), out + x * kBlock);
    };
    tile.template operator()<kPixels>(inside);
    tile.template operator()<kPixels / 2>(inside);
    tile.template operator()<1>(n_columns);
  }
}

static void filter_word_rows(const WordFilter& filter, std::size_t first, std::size_t n_rows,
                             std::size_t n_columns, void* out) noexcept {
  const auto by = filter.stride == 1 ? filter_word_rows_by<1> : filter_word_rows_by<2>;
  by(filter, first, n_rows, n_columns, static_cast<stored_value*>(out));
}

}  // namespace fastface::FASTFACE_TARGET
