// YuNet's network, a photo in and what its cells say out: a stem, then pairs of a layer that mixes
// channels and one that filters each by itself (Wu, Peng, Yu, MIR 2023).
//
// Layers run together row by row, each keeping the few rows that the next one needs, so that what is
// between them stays in the processor's caches. A general engine computes a layer of the whole photo
// after the other, and waits for memory most of the time.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "algorithms/shrink.hpp"
#include "core/buffer.hpp"

namespace fastface {

// mix: n_in x n_out weights, filter: 9 x n_out, three rows of three taps; biases are n_out long.
template <class Values>
struct SeparableLayerOf {
  std::size_t n_in;
  std::size_t n_out;
  Values mix, mix_bias, filter, filter_bias;
};
using SeparableLayer = SeparableLayerOf<std::vector<float>>;

// Cells, and what the network says of them.
struct Cells {
  std::vector<float> places;  // of each: its column, its row and its stride
  std::vector<float> values;  // of each, FaceNetwork::kCellValues
};

class FaceNetwork {
 public:
  static constexpr std::size_t kCellValues = 16;  // what the network says of a cell
  static constexpr std::array<std::size_t, 3> kStrides = {8, 16, 32};
  static constexpr std::size_t kMultiple = 32;  // of the sides that it takes
  static constexpr std::size_t kStemInputs = 27, kStemOutputs = 16;
  static constexpr std::size_t kLayers = 17;  // 12 down to the coarsest cells, 2 up again, 3 heads

  // stem: 27 x 16, the inputs three rows of three pixels of RGB. layers: in the order in which they run,
  // heads last, each for one of kStrides; 16, 32 or 64 outputs.
  // Throws std::invalid_argument where sizes do not fit together.
  FaceNetwork(const std::vector<float>& stem, const std::vector<float>& stem_bias,
              const std::vector<SeparableLayer>& layers);

  // Writes kCellValues for each cell of each of kStrides, rows of cells one after the other.
  // height, width: multiples of kMultiple, at least the photo's; black where the photo ends before.
  void run(const Pixels& photo, std::size_t height, std::size_t width,
           const std::array<float*, 3>& cells) const;

  // The same of those cells whose first two values, class and object, are both at least `least`.
  Cells find(const Pixels& photo, std::size_t height, std::size_t width, float least) const;

 private:
  // Calls tell(scale, y, row of cells) for each of kStrides and each row from the top.
  template <class Tell>
  void look(const Pixels& photo, std::size_t height, std::size_t width, const Tell& tell) const;

  Buffer stem_, stem_bias_;
  std::vector<SeparableLayerOf<Buffer>> layers_;
};

}  // namespace fastface
