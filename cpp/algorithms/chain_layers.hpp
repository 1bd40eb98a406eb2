// What the layers of a chain network compute with: float32, or bytes and float32 (chain_network.hpp).
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace fastface {

enum class ChainKind { kFirst, kFilter, kMix };

// weights: for kFirst size * size * 3 x n_out, for kFilter size * size x n_out, for kMix n_in x n_out.
// bias, slope of a PReLU: n_out. added: the number of the layer whose output is added behind the PReLU.
struct ChainLayer {
  ChainKind kind;
  std::size_t n_in, n_out, size, stride, pad;
  std::vector<float> weights, bias, slope;
  std::size_t added = kNone;

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
};

// How a layer's output lies in 8 bits: x of channel c as x / scale[c] + zero, rounded, 0..255.
struct ChainRounding {
  std::vector<float> scale;
  int zero;
};

// Layers by their number, over images in blocks of channels (core/kernels.hpp); steps count values, of
// value_size() bytes.
class ChainArithmetic {
 public:
  virtual ~ChainArithmetic() = default;
  virtual std::size_t value_size() const = 0;
  // A row of `width` pixels of the first layer; part_step: floats of a row of the crop.
  virtual void first(const float* rows, std::size_t part_step, std::size_t width, std::byte* out,
                     std::size_t out_step) const = 0;
  // added: null, or an image like `out`.
  virtual void mix(std::size_t layer, const std::byte* source, std::size_t part_step, std::size_t n_pixels,
                   const std::byte* added, std::byte* out, std::size_t out_step) const = 0;
  // Rows of one block of an image of so many pixels a side.
  virtual void filter(std::size_t layer, std::size_t block, const std::byte* source, std::size_t side,
                      std::size_t first_row, std::size_t n_rows, std::size_t n_columns,
                      std::byte* out) const = 0;
  // Vectors of `count` images of n_pixels, in blocks.
  virtual void dense(const std::byte* images, std::size_t part_step, std::size_t n_pixels, std::size_t count,
                     float* out) const = 0;
};

// dense: dims x channels x pixels. Sizes have been checked.
std::unique_ptr<const ChainArithmetic> float_arithmetic(const std::vector<ChainLayer>& layers,
                                                        const std::vector<float>& dense,
                                                        const std::vector<float>& dense_bias);
// Weights of kMix and `dense` are rounded to 127 steps for each output.
std::unique_ptr<const ChainArithmetic> word_arithmetic(const std::vector<ChainLayer>& layers,
                                                       const std::vector<ChainRounding>& rounding,
                                                       const std::vector<float>& dense,
                                                       const std::vector<float>& dense_bias);

}  // namespace fastface
