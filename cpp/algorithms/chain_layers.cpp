#include "algorithms/chain_layers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/buffer.hpp"
#include "core/kernels.hpp"

namespace fastface {

namespace {

constexpr std::size_t kColours = 3, kTaps = 3;

Buffer aligned(const std::vector<float>& values) {
  Buffer copy(values.size());
  std::copy(values.begin(), values.end(), copy.data());
  return copy;
}

// rows x n_columns weights as [block of columns][row][kBlock].
Buffer packed(const std::vector<float>& weights, std::size_t n_columns) {
  Buffer blocks(weights.size());
  const std::size_t rows = weights.size() / n_columns;
  float* out = blocks.data();
  for (std::size_t c = 0; c < n_columns; c += kBlock)
    for (std::size_t r = 0; r < rows; ++r, out += kBlock)
      std::copy_n(weights.data() + r * n_columns + c, kBlock, out);
  return blocks;
}

// Weights of dims x channels x pixels as [block of dims][block of channels][pixel][channel][kBlock dims].
Buffer packed_dense(const std::vector<float>& weights, std::size_t n_channels, std::size_t n_pixels) {
  Buffer blocks(weights.size());
  const std::size_t row = n_channels * n_pixels, tile = kBlock * n_pixels * kBlock;
  float* out = blocks.data();
  for (std::size_t d = 0; d < weights.size() / row; d += kBlock)
    for (std::size_t c = 0; c < n_channels; c += kBlock, out += tile)
      for (std::size_t k = 0; k < kBlock; ++k)
        for (std::size_t lane = 0; lane < kBlock; ++lane) {
          const float* from = weights.data() + (d + lane) * row + (c + k) * n_pixels;
          for (std::size_t p = 0; p < n_pixels; ++p) out[(p * kBlock + k) * kBlock + lane] = from[p];
        }
  return blocks;
}

// halves: of weights that are split into them.
struct FloatLayer {
  std::size_t n_in, n_out, size, stride, pad;
  Buffer weights, bias, slope;
  BufferOf<std::uint16_t> halves;
};

class FloatArithmetic final : public ChainArithmetic {
 public:
  FloatArithmetic(const std::vector<ChainLayer>& layers, const std::vector<float>& dense,
                  const std::vector<float>& dense_bias)
      : kernels_(kernels()) {
    for (const ChainLayer& k : layers) {
      const bool splits = k.kind == ChainKind::kMix && kernels_.splits_floats;
      layers_.push_back({k.n_in, k.n_out, k.size, k.stride, k.pad,
                         splits ? Buffer() : packed(k.weights, k.n_out), aligned(k.bias), aligned(k.slope),
                         splits ? halves(k) : BufferOf<std::uint16_t>()});
    }
    const std::size_t n_channels = layers.back().n_out, dims = dense_bias.size();
    dense_ = {n_channels,
              dims,
              1,
              1,
              0,
              packed_dense(dense, n_channels, dense.size() / n_channels / dims),
              aligned(dense_bias),
              aligned(std::vector<float>(dims, 1.0f)),
              {}};
  }

  std::size_t value_size() const override { return sizeof(float); }

  void first(const float* rows, std::size_t part_step, std::size_t width, std::byte* out,
             std::size_t out_step) const override {
    const FloatLayer& k = layers_[0];
    kernels_.mix_blocks(
        {rows, kTaps, part_step, kTaps * kColours, k.stride * kColours, k.weights.data(), k.bias.data(),
         k.slope.data(), k.n_out, nullptr, floats(out), out_step, nullptr, nullptr},
        width);
  }

  void mix(std::size_t layer, const std::byte* source, std::size_t part_step, std::size_t n_pixels,
           const std::byte* added, std::byte* out, std::size_t out_step) const override {
    const FloatLayer& k = layers_[layer];
    const std::size_t n_blocks = k.n_in / kBlock;
    BufferOf<std::uint16_t> scratch;
    if (k.halves.data())
      scratch = BufferOf<std::uint16_t>((n_pixels + kBlock - 1) / kBlock * split_tiles(n_blocks) * kHalves);
    kernels_.mix_blocks(
        {floats(source), n_blocks, part_step, kBlock, kBlock, k.weights.data(), k.bias.data(), k.slope.data(),
         k.n_out, floats(added), floats(out), out_step, k.halves.data(), scratch.data()},
        n_pixels);
  }

  void filter(std::size_t layer, std::size_t block, const std::byte* source, std::size_t side,
              std::size_t first_row, std::size_t n_rows, std::size_t n_columns,
              std::byte* out) const override {
    const FloatLayer& k = layers_[layer];
    const std::size_t line = block * kBlock;
    kernels_.filter_block_rows(
        {floats(source), side, side, k.size, k.stride, k.pad, k.weights.data() + line * k.size * k.size,
         k.bias.data() + line, k.slope.data() + line},
        first_row, n_rows, n_columns, floats(out));
  }

  void dense(const std::byte* images, std::size_t part_step, std::size_t n_pixels, std::size_t count,
             float* out) const override {
    const std::size_t size = n_pixels * kBlock;
    kernels_.mix_blocks({floats(images), dense_.n_in / kBlock, part_step, size, size, dense_.weights.data(),
                         dense_.bias.data(), dense_.slope.data(), dense_.n_out, nullptr, out, count * kBlock,
                         nullptr, nullptr},
                        count);
  }

 private:
  static float* floats(std::byte* values) { return reinterpret_cast<float*>(values); }
  static const float* floats(const std::byte* values) { return reinterpret_cast<const float*>(values); }

  BufferOf<std::uint16_t> halves(const ChainLayer& layer) const {
    const std::size_t n_blocks = layer.n_out / kBlock;
    BufferOf<std::uint16_t> split(n_blocks * split_tiles(layer.n_in / kBlock) * kHalves);
    kernels_.split_weights(layer.weights.data(), layer.n_in, layer.n_out, split.data());
    return split;
  }

  const Kernels& kernels_;  // weights are split, or not, for its target
  std::vector<FloatLayer> layers_;
  FloatLayer dense_;
};

// weights: floats of kFirst and kFilter. words: of others, and what their sums begin with.
struct WordLayer {
  std::size_t n_in, n_out, stride;
  int zero_in, zero;
  Buffer weights, factor, bias, slope;
  BufferOf<std::int32_t> words, start;
};

// Values are counted in steps of their rounding: weights take those that come in to those that go out.
class WordArithmetic final : public ChainArithmetic {
 public:
  WordArithmetic(const std::vector<ChainLayer>& layers, const std::vector<ChainRounding>& rounding,
                 const std::vector<float>& dense, const std::vector<float>& dense_bias)
      : kernels_(kernels()) {
    for (std::size_t k = 0; k < layers.size(); ++k)
      layers_.push_back(rounded(layers[k], k ? &rounding[k - 1] : nullptr, rounding[k]));
    const std::size_t n_channels = layers.back().n_out, dims = dense_bias.size();
    const std::size_t n_pixels = dense.size() / n_channels / dims;
    // As a layer of one pixel: its inputs as they lie, and the steps of each.
    std::vector<float> weights(dense.size()), steps(n_channels * n_pixels);
    std::size_t row = 0;
    for (std::size_t b = 0; b < n_channels; b += kBlock)
      for (std::size_t p = 0; p < n_pixels; ++p)
        for (std::size_t c = b; c < b + kBlock; ++c, ++row) {
          steps[row] = rounding.back().scale[c];
          const float* from = dense.data() + c * n_pixels + p;
          for (std::size_t d = 0; d < dims; ++d) weights[row * dims + d] = from[d * n_channels * n_pixels];
        }
    dense_ = words(weights, steps, rounding.back().zero, std::vector<float>(dims, 1.0f));
    dense_.bias = aligned(dense_bias);
    dense_.slope = aligned(std::vector<float>(dims, 1.0f));
    n_blocks_ = n_channels / kBlock;
  }

  std::size_t value_size() const override { return kernels_.words_per_four; }

  void first(const float* rows, std::size_t part_step, std::size_t width, std::byte* out,
             std::size_t out_step) const override {
    const WordLayer& k = layers_[0];
    Buffer values(width * k.n_out);
    kernels_.mix_blocks(
        {rows, kTaps, part_step, kTaps * kColours, k.stride * kColours, k.weights.data(), k.bias.data(),
         k.slope.data(), k.n_out, nullptr, values.data(), width * kBlock, nullptr, nullptr},
        width);
    for (std::size_t b = 0; b < k.n_out / kBlock; ++b)
      kernels_.store_words(values.data() + b * width * kBlock, width * kBlock, k.zero,
                           out + b * out_step * value_size());
  }

  void mix(std::size_t layer, const std::byte* source, std::size_t part_step, std::size_t n_pixels,
           const std::byte*, std::byte* out, std::size_t out_step) const override {
    const WordLayer& k = layers_[layer];
    kernels_.mix_words(
        {source, k.n_in / kBlock, part_step, kBlock, kBlock, k.words.data(), k.start.data(), k.factor.data(),
         k.bias.data(), k.slope.data(), k.n_out, k.zero, false, out, out_step},
        n_pixels);
  }

  void filter(std::size_t layer, std::size_t block, const std::byte* source, std::size_t side,
              std::size_t first_row, std::size_t n_rows, std::size_t n_columns,
              std::byte* out) const override {
    const WordLayer& k = layers_[layer];
    const std::size_t line = block * kBlock;
    kernels_.filter_word_rows({source, side, side, k.stride, k.weights.data() + line * kTaps * kTaps,
                               k.bias.data() + line, k.slope.data() + line, k.zero_in, k.zero},
                              first_row, n_rows, n_columns, out);
  }

  void dense(const std::byte* images, std::size_t part_step, std::size_t n_pixels, std::size_t count,
             float* out) const override {
    const std::size_t size = n_pixels * kBlock;
    kernels_.mix_words({images, n_blocks_, part_step, size, size, dense_.words.data(), dense_.start.data(),
                        dense_.factor.data(), dense_.bias.data(), dense_.slope.data(), dense_.n_out, 0, true,
                        out, count * kBlock},
                       count);
  }

 private:
  WordLayer rounded(const ChainLayer& layer, const ChainRounding* before, const ChainRounding& after) const {
    const std::size_t n_out = layer.n_out;
    WordLayer made;
    if (layer.kind == ChainKind::kMix) {
      made = words(layer.weights, before->scale, before->zero, after.scale);
    } else {
      std::vector<float> weights = layer.weights;
      for (std::size_t k = 0; k < weights.size(); ++k) {
        const std::size_t c = k % n_out;
        weights[k] *= (before ? before->scale[c] : 1.0f) / after.scale[c];
      }
      made.n_in = layer.n_in;
      made.n_out = n_out;
      made.weights = packed(weights, n_out);
    }
    std::vector<float> bias = layer.bias;
    for (std::size_t c = 0; c < n_out; ++c) bias[c] /= after.scale[c];
    made.bias = aligned(bias);
    made.slope = aligned(layer.slope);
    made.stride = layer.stride;
    made.zero_in = before ? before->zero : 0;
    made.zero = after.zero;
    return made;
  }

  // Weights n_in x n_out for values in steps, each output's largest 127.
  WordLayer words(const std::vector<float>& weights, const std::vector<float>& steps, int zero_in,
                  const std::vector<float>& steps_out) const {
    const std::size_t n_in = steps.size(), n_out = steps_out.size();
    std::vector<float> units(n_out, 0.0f);
    for (std::size_t k = 0; k < n_in; ++k)
      for (std::size_t c = 0; c < n_out; ++c)
        units[c] = std::max(units[c], std::abs(weights[k * n_out + c] * steps[k]));
    for (float& unit : units) unit = std::max(unit / 127, 1e-30f);
    std::vector<std::int8_t> whole(weights.size());
    for (std::size_t k = 0; k < n_in; ++k)
      for (std::size_t c = 0; c < n_out; ++c)
        whole[k * n_out + c] =
            static_cast<std::int8_t>(std::lrint(weights[k * n_out + c] * steps[k] / units[c]));
    WordLayer made;
    made.n_in = n_in;
    made.n_out = n_out;
    made.words = BufferOf<std::int32_t>(n_in * n_out / 4 * kernels_.words_per_four);
    made.start = BufferOf<std::int32_t>(n_out);
    kernels_.pack_word_weights(whole.data(), n_in, n_out, zero_in, made.words.data(), made.start.data());
    for (std::size_t c = 0; c < n_out; ++c) units[c] /= steps_out[c];
    made.factor = aligned(units);
    return made;
  }

  const Kernels& kernels_;  // words are packed for its target
  std::vector<WordLayer> layers_;
  WordLayer dense_;
  std::size_t n_blocks_;
};

}  // namespace

std::unique_ptr<const ChainArithmetic> float_arithmetic(const std::vector<ChainLayer>& layers,
                                                        const std::vector<float>& dense,
                                                        const std::vector<float>& dense_bias) {
  return std::make_unique<FloatArithmetic>(layers, dense, dense_bias);
}

std::unique_ptr<const ChainArithmetic> word_arithmetic(const std::vector<ChainLayer>& layers,
                                                       const std::vector<ChainRounding>& rounding,
                                                       const std::vector<float>& dense,
                                                       const std::vector<float>& dense_bias) {
  return std::make_unique<WordArithmetic>(layers, rounding, dense, dense_bias);
}

}  // namespace fastface
