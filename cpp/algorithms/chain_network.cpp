#include "algorithms/chain_network.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/buffer.hpp"
#include "core/kernels.hpp"

namespace fastface {

namespace {

constexpr std::size_t kColours = 3;

// From images of so few pixels on, layers see all faces at once: their weights are larger than the images.
constexpr std::size_t kFewPixels = 196;

// Values of a strip between two layers: a part of the second cache, more where weights fill that anyway.
std::size_t strip_values(std::size_t n_weights) { return std::max<std::size_t>(1 << 16, n_weights / 4); }

void require(bool holds, const std::string& what) {
  if (!holds) throw std::invalid_argument(what);
}

void check_rounding(const std::vector<ChainLayer>& layers, const std::vector<ChainRounding>& rounding) {
  require(rounding.size() == layers.size(), "rounding: expected one of each layer");
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const std::string name = "rounding[" + std::to_string(k) + "]: ";
    require(rounding[k].scale.size() == layers[k].n_out, name + "expected a scale of each output");
    require(rounding[k].zero >= 0 && rounding[k].zero <= 255, name + "expected a zero of 0 to 255");
    for (const float scale : rounding[k].scale) require(scale > 0, name + "expected scales above 0");
    require(layers[k].added == ChainLayer::kNone, name + "of sums there is none");
    require(layers[k].kind != ChainKind::kFilter ||
                (layers[k].size == 3 && layers[k].pad == 1 && layers[k].stride <= 2),
            name + "of filters, only of 3 x 3 pixels around each or every second");
  }
}

}  // namespace

// Where the outputs of steps lie, one face or all of them: blocks of channels, faces one after the other in
// each.
class ChainNetwork::Maps {
 public:
  Maps(const ChainNetwork& network, std::size_t n_faces) : network_(network), n_faces_(n_faces) {
    std::vector<std::size_t> sizes(network.n_slots_);
    for (std::size_t s = 0; s < network.steps_.size(); ++s) {
      const Step& step = network.steps_[s];
      sizes[step.slot] = std::max(sizes[step.slot], faces_of(s) * network.images_[step.last()].size());
    }
    for (const std::size_t size : sizes) slots_.emplace_back(size * network.arithmetic_->value_size());
  }

  std::size_t faces_of(std::size_t step) const { return step + 1 < network_.n_single_ ? 1 : n_faces_; }
  std::size_t block_step(std::size_t step) const {
    return faces_of(step) * network_.images_[network_.steps_[step].last()].pixels() * kBlock;
  }
  std::byte* of(std::size_t step, std::size_t face) {
    const Step& made = network_.steps_[step];
    const std::size_t first = faces_of(step) == 1 ? 0 : face;
    const std::size_t place = first * network_.images_[made.last()].pixels() * kBlock;
    return slots_[made.slot].data() + place * network_.arithmetic_->value_size();
  }

 private:
  const ChainNetwork& network_;
  std::size_t n_faces_;
  std::vector<BufferOf<std::byte>> slots_;
};

ChainNetwork::ChainNetwork(std::size_t side, float mean, const std::vector<ChainLayer>& layers,
                           const std::vector<float>& dense, const std::vector<float>& dense_bias,
                           const std::vector<ChainRounding>& rounding)
    : side_(side), dims_(dense_bias.size()), mean_(mean) {
  check(layers);
  const Image& last = images_.back();
  require(dims_ > 0 && dims_ % kBlock == 0 && dense.size() == last.size() * dims_,
          "dense: expected as many weights as the last layer has values, times a multiple of 16");
  for (const ChainLayer& k : layers)
    layers_.push_back({k.kind, k.n_in, k.n_out, k.size, k.stride, k.pad, {}, {}, {}, k.added});
  if (rounding.empty()) {
    arithmetic_ = float_arithmetic(layers, dense, dense_bias);
  } else {
    check_rounding(layers, rounding);
    arithmetic_ = word_arithmetic(layers, rounding, dense, dense_bias);
  }
  plan();
  share_slots();
}

void ChainNetwork::check(const std::vector<ChainLayer>& layers) {
  require(!layers.empty() && layers[0].kind == ChainKind::kFirst, "layers: the first is none");
  Image image{side_, kColours};
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const ChainLayer& layer = layers[k];
    const std::string name = "layers[" + std::to_string(k) + "]: ";
    require(k == 0 || layer.kind != ChainKind::kFirst, name + "is a first one");
    require(layer.n_in == image.n_channels, name + "expected " + std::to_string(image.n_channels) +
                                                " inputs, got " + std::to_string(layer.n_in));
    require(layer.n_out > 0 && layer.n_out % kBlock == 0, name + "expected a multiple of 16 outputs");
    const std::size_t taps = layer.size * layer.size;
    const std::size_t depth = layer.kind == ChainKind::kFilter ? taps : taps * layer.n_in;
    require(layer.weights.size() == depth * layer.n_out && layer.bias.size() == layer.n_out &&
                layer.slope.size() == layer.n_out,
            name + "weights, biases and slopes differ in outputs");
    require(layer.kind != ChainKind::kFilter || layer.n_in == layer.n_out,
            name + "a filter changes no number");
    require(layer.kind != ChainKind::kMix || (layer.size == 1 && layer.stride == 1 && layer.pad == 0),
            name + "expected single pixels");
    require(layer.kind != ChainKind::kFirst || (layer.size == 3 && layer.pad == 1 && layer.stride <= 2),
            name + "expected 3 x 3 pixels around each or every second");
    require(layer.stride > 0 && layer.pad < layer.size && image.side + 2 * layer.pad >= layer.size,
            name + "does not fit into its image");
    image = {(image.side + 2 * layer.pad - layer.size) / layer.stride + 1, layer.n_out};
    if (layer.added != kNone)
      require(layer.kind == ChainKind::kMix && layer.added < k && images_[layer.added].side == image.side &&
                  images_[layer.added].n_channels == image.n_channels,
              name + "what is added has another shape");
    images_.push_back(image);
  }
}

void ChainNetwork::plan() {
  std::vector<bool> wanted(layers_.size());
  for (const auto& layer : layers_)
    if (layer.added != kNone) wanted[layer.added] = true;
  std::vector<std::size_t> maker(layers_.size(), kNone);
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    Step step{kNone, k, kNone};
    if (layers_[k].kind == ChainKind::kFilter) {
      const bool together = k + 1 < layers_.size() && layers_[k + 1].kind == ChainKind::kMix && !wanted[k];
      step = {k, together ? ++k : kNone, kNone};
    }
    if (layers_[k].added != kNone) step.added = maker[layers_[k].added];
    maker[k] = steps_.size();
    steps_.push_back(step);
  }
  while (n_single_ < steps_.size() && images_[steps_[n_single_].last()].pixels() > kFewPixels) ++n_single_;
  // What is added must lie as its sum does.
  for (std::size_t s = steps_.size(); s-- > n_single_ - 1;)
    if (steps_[s].added != kNone) n_single_ = std::min(n_single_, steps_[s].added + 1);
}

// Outputs that are needed no longer make place for others.
void ChainNetwork::share_slots() {
  std::vector<std::size_t> last_use(steps_.size());
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    last_use[s] = s + 1;
    if (steps_[s].added != kNone) last_use[steps_[s].added] = std::max(last_use[steps_[s].added], s);
  }
  std::vector<std::size_t> free_from;  // the step from which on a slot may be written again
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    std::size_t slot = 0;
    // What collects all faces shares no place with images of one, which come again for the next.
    const bool collects = s + 1 == n_single_;
    while (slot < free_from.size() && (collects || free_from[slot] > s)) ++slot;
    if (slot == free_from.size()) free_from.push_back(0);
    free_from[slot] = last_use[s] + 1;
    steps_[s].slot = slot;
  }
  n_slots_ = free_from.size();
}

void ChainNetwork::enter(const std::uint8_t* crop, Maps& maps, std::size_t face) const {
  const auto& layer = layers_[0];
  const std::size_t stride = kColours * (side_ + 2);
  Buffer padded(stride * (side_ + 2));
  std::fill_n(padded.data(), stride * (side_ + 2), 0.0f);
  for (std::size_t y = 0; y < side_; ++y) {
    float* row = padded.data() + (y + 1) * stride + kColours;
    const std::uint8_t* bytes = crop + y * side_ * kColours;
    for (std::size_t k = 0; k < side_ * kColours; ++k) row[k] = static_cast<float>(bytes[k]) - mean_;
  }
  const std::size_t width = images_[0].side;
  for (std::size_t y = 0; y < width; ++y)
    arithmetic_->first(padded.data() + y * layer.stride * stride, stride, width,
                       maps.of(0, face) + y * width * kBlock * arithmetic_->value_size(), maps.block_step(0));
}

void ChainNetwork::run_step(std::size_t number, std::size_t face, Maps& maps) const {
  const Step& step = steps_[number];
  const std::size_t line = kBlock * arithmetic_->value_size();  // bytes of a pixel of a block
  const std::size_t n_faces = number < n_single_ ? 1 : maps.faces_of(number);
  const Image& in = images_[steps_[number - 1].last()];
  const Image& out = images_[step.last()];
  const std::byte* source = maps.of(number - 1, face);
  const std::size_t source_step = maps.block_step(number - 1);
  std::byte* target = maps.of(number, face);
  const std::size_t target_step = maps.block_step(number);
  const std::byte* added = step.added == kNone ? nullptr : maps.of(step.added, face);
  const auto mix = [&](const std::byte* values, std::size_t part_step, std::size_t first, std::size_t count) {
    arithmetic_->mix(step.mix, values, part_step, count, added ? added + first * line : nullptr,
                     target + first * line, target_step);
  };
  if (step.filter == kNone) return mix(source, source_step, 0, n_faces * out.pixels());

  const std::size_t side = out.side, n_rows = n_faces * side;
  // Rows [first, first + count) of all faces of one block of channels.
  const auto filter = [&](std::size_t block, std::size_t first, std::size_t count, std::byte* values) {
    while (count > 0) {
      const std::size_t y = first % side, rows = std::min(count, side - y);
      const std::size_t place = block * source_step / kBlock + first / side * in.pixels();
      arithmetic_->filter(step.filter, block, source + place * line, in.side, y, rows, side, values);
      values += rows * side * line;
      first += rows;
      count -= rows;
    }
  };
  const std::size_t n_channels = in.n_channels, n_blocks = n_channels / kBlock;
  if (step.mix == kNone) {
    for (std::size_t b = 0; b < n_blocks; ++b) filter(b, 0, n_rows, target + b * target_step / kBlock * line);
    return;
  }
  const std::size_t room = strip_values(n_channels * out.n_channels);
  const std::size_t height = std::clamp<std::size_t>(room / (n_channels * side), 1, n_rows);
  BufferOf<std::byte> strip(height * side * n_blocks * line);
  for (std::size_t y = 0; y < n_rows; y += height) {
    const std::size_t rows = std::min(height, n_rows - y), n_pixels = rows * side;
    for (std::size_t b = 0; b < n_blocks; ++b) filter(b, y, rows, strip.data() + b * n_pixels * line);
    mix(strip.data(), n_pixels * kBlock, y * side, n_pixels);
  }
}

void ChainNetwork::run(const std::uint8_t* crops, std::size_t count, float* vectors) const {
  if (count == 0) return;
  Maps maps(*this, count);
  for (std::size_t face = 0; face < count; ++face) {
    enter(crops + face * side_ * side_ * kColours, maps, face);
    for (std::size_t s = 1; s < n_single_; ++s) run_step(s, face, maps);
  }
  for (std::size_t s = n_single_; s < steps_.size(); ++s) run_step(s, 0, maps);
  const std::size_t last = steps_.size() - 1;
  Buffer blocks(count * dims_);
  arithmetic_->dense(maps.of(last, 0), maps.block_step(last), images_.back().pixels(), count, blocks.data());
  for (std::size_t b = 0; b < dims_ / kBlock; ++b)
    for (std::size_t face = 0; face < count; ++face)
      std::copy_n(blocks.data() + (b * count + face) * kBlock, kBlock, vectors + face * dims_ + b * kBlock);
}

}  // namespace fastface
