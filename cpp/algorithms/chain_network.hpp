// Networks from a crop to a vector that are chains of small layers: convolutions of 3 by 3 pixels of RGB,
// then pairs that filter each channel by itself and mix the channels of each pixel, each with a PReLU, and
// at the end one dense layer (Howard et al., MobileNets, 2017; Chen et al., MobileFaceNets, 2018).
//
// A filtering layer runs together with the mixing one after it, a strip of rows at a time, so that what is
// between them stays in the processor's caches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "algorithms/chain_layers.hpp"

namespace fastface {

class ChainNetwork {
 public:
  // side: of crops; mean: taken off their values, 0..255. layers: kFirst, then others.
  // dense: weights of the last layer, dims by channels by pixels; dense_bias: dims.
  // Numbers of channels are multiples of kBlock. rounding: of every layer, or of none, in float32; with it
  // there are filters of 3 by 3 pixels only, and no sums.
  // Throws std::invalid_argument where sizes do not fit together.
  ChainNetwork(std::size_t side, float mean, const std::vector<ChainLayer>& layers,
               const std::vector<float>& dense, const std::vector<float>& dense_bias,
               const std::vector<ChainRounding>& rounding = {});

  std::size_t side() const { return side_; }
  std::size_t dims() const { return dims_; }

  // crops: count times side x side x RGB. vectors: count x dims(), the same bits whatever the count.
  void run(const std::uint8_t* crops, std::size_t count, float* vectors) const;

 private:
  static constexpr std::size_t kNone = ChainLayer::kNone;

  struct Image {
    std::size_t side, n_channels;
    std::size_t pixels() const { return side * side; }
    std::size_t size() const { return pixels() * n_channels; }
  };
  // Layers that run together: one that filters, one that makes channels, or both.
  struct Step {
    std::size_t filter, mix;  // numbers of layers, or kNone
    std::size_t added;        // the step whose output is added, or kNone
    std::size_t slot = 0;     // where its output lies
    std::size_t last() const { return mix == kNone ? filter : mix; }
  };
  class Maps;

  void check(const std::vector<ChainLayer>& layers);
  void plan();
  void share_slots();
  void run_step(std::size_t number, std::size_t face, Maps& maps) const;
  void enter(const std::uint8_t* crop, Maps& maps, std::size_t face) const;

  std::size_t side_, dims_;
  float mean_;
  std::vector<ChainLayer> layers_;  // without their weights
  std::unique_ptr<const ChainArithmetic> arithmetic_;
  std::vector<Image> images_;  // of each layer's output
  std::vector<Step> steps_;
  std::size_t n_single_ = 1;  // steps that see one face after the other; others see all
  std::size_t n_slots_ = 0;
};

}  // namespace fastface
