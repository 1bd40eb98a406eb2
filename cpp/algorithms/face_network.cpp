#include "algorithms/face_network.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/kernels.hpp"

namespace fastface {

namespace {

struct Shape {
  std::size_t height, width, n_channels;
};

// An image whose rows are asked for from the top, each once. A row stays valid until the next but one.
class Rows {
 public:
  explicit Rows(Shape of) : shape(of) {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  virtual ~Rows() = default;
  virtual const float* next() = 0;

  std::size_t size() const { return shape.width * shape.n_channels; }

  const Shape shape;
};

using Source = std::unique_ptr<Rows>;
using Layer = SeparableLayerOf<Buffer>;

// Places for a few rows that take turns, zeros at first.
template <std::size_t Count>
class Ring {
 public:
  explicit Ring(std::size_t size) : stride_((size + kLine - 1) / kLine * kLine), values_(Count * stride_) {
    std::fill_n(values_.data(), Count * stride_, 0.0f);
  }
  float* operator[](std::size_t number) { return values_.data() + number % Count * stride_; }

 private:
  static constexpr std::size_t kLine = 16;  // floats of a cache line

  std::size_t stride_;
  Buffer values_;
};

class Stem final : public Rows {
 public:
  Stem(const Pixels& photo, std::size_t height, std::size_t width, const float* weights, const float* bias)
      : Rows({height / 2, width / 2, FaceNetwork::kStemOutputs}),
        photo_(photo),
        weights_(weights),
        bias_(bias),
        sources_(3 * (width + 2)),
        outputs_(size()) {}

  const float* next() override {
    for (; n_read_ < 2 * y_ + 2; ++n_read_) read(n_read_);
    const float* rows[] = {sources_[2 * y_], sources_[2 * y_ + 1], sources_[2 * y_ + 2]};
    float* out = outputs_[y_++];
    kernels().mix_channels({rows, 3, kStemStep, weights_, bias_, shape.n_channels, true}, shape.width, out);
    return out;
  }

 private:
  // Row y of the photo with a black pixel before and after; black, too, below it.
  void read(std::size_t y) {
    float* values = sources_[y + 1] + 3;
    std::size_t n_values = 0;
    if (y < photo_.height) {
      n_values = 3 * photo_.width;
      const std::uint8_t* bytes = photo_.data + y * n_values;
      for (std::size_t k = 0; k < n_values; ++k) values[k] = bytes[k];
    }
    std::fill(values + n_values, values + 6 * shape.width + 3, 0.0f);
  }

  const Pixels photo_;
  const float *weights_, *bias_;
  Ring<3> sources_;
  Ring<2> outputs_;
  std::size_t y_ = 0, n_read_ = 0;
};

class Separable final : public Rows {
 public:
  Separable(Source source, const Layer& layer, bool rectified)
      : Rows({source->shape.height, source->shape.width, layer.n_out}),
        source_(std::move(source)),
        layer_(layer),
        rectified_(rectified),
        mixed_(size() + 2 * shape.n_channels),
        outputs_(size()) {}

  const float* next() override {
    for (; n_mixed_ < std::min(y_ + 2, shape.height); ++n_mixed_) mix();
    if (y_ + 1 == shape.height) std::fill_n(mixed_[y_ + 2], size() + 2 * shape.n_channels, 0.0f);
    const float* rows[] = {mixed_[y_], mixed_[y_ + 1], mixed_[y_ + 2]};
    float* out = outputs_[y_++];
    kernels().filter_channels(
        {rows, layer_.filter.data(), layer_.filter_bias.data(), shape.n_channels, rectified_}, shape.width,
        out);
    return out;
  }

 private:
  void mix() {
    const float* row = source_->next();
    const MixedRow mixed{&row, 1, layer_.n_in, layer_.mix.data(), layer_.mix_bias.data(), shape.n_channels,
                         false};
    kernels().mix_channels(mixed, shape.width, mixed_[n_mixed_ + 1] + shape.n_channels);
  }

  Source source_;
  const Layer& layer_;
  const bool rectified_;
  Ring<3> mixed_;  // with a pixel of zeros before and after
  Ring<2> outputs_;
  std::size_t y_ = 0, n_mixed_ = 0;
};

// The largest of each two by two pixels.
class Pool final : public Rows {
 public:
  Pool(Source source)
      : Rows({source->shape.height / 2, source->shape.width / 2, source->shape.n_channels}),
        source_(std::move(source)),
        outputs_(size()) {}

  const float* next() override {
    const float* above = source_->next();
    const float* below = source_->next();
    float* out = outputs_[y_++];
    kernels().pool_channels(above, below, shape.n_channels, shape.width, out);
    return out;
  }

 private:
  Source source_;
  Ring<2> outputs_;
  std::size_t y_ = 0;
};

struct Image {
  explicit Image(Rows& rows) : shape(rows.shape) {
    values.reserve(shape.height * rows.size());
    for (std::size_t y = 0; y < shape.height; ++y) {
      const float* row = rows.next();
      values.insert(values.end(), row, row + rows.size());
    }
  }

  const float* row(std::size_t y) const { return values.data() + y * shape.width * shape.n_channels; }

  Shape shape;
  std::vector<float> values;
};

class Kept final : public Rows {
 public:
  explicit Kept(const Image& image) : Rows(image.shape), image_(image) {}

  const float* next() override { return image_.row(y_++); }

 private:
  const Image& image_;
  std::size_t y_ = 0;
};

// An image, and on each of its pixels the one of a coarser image that it lies in.
class Sum final : public Rows {
 public:
  Sum(const Image& image, const Image& coarser)
      : Rows(image.shape), image_(image), coarser_(coarser), outputs_(size()) {}

  const float* next() override {
    const float* row = image_.row(y_);
    const float* other = coarser_.row(y_ / 2);
    float* out = outputs_[y_++];
    const std::size_t n_channels = shape.n_channels;
    for (std::size_t x = 0; x < shape.width; ++x, row += n_channels)
      for (std::size_t c = 0; c < n_channels; ++c)
        out[x * n_channels + c] = row[c] + other[x / 2 * n_channels + c];
    return out;
  }

 private:
  const Image &image_, &coarser_;
  Ring<2> outputs_;
  std::size_t y_ = 0;
};

Buffer aligned(const std::vector<float>& values) {
  Buffer copy(values.size());
  std::copy(values.begin(), values.end(), copy.data());
  return copy;
}

void require(bool holds, const std::string& what) {
  if (!holds) throw std::invalid_argument(what);
}

}  // namespace

FaceNetwork::FaceNetwork(const std::vector<float>& stem, const std::vector<float>& stem_bias,
                         const std::vector<SeparableLayer>& layers)
    : stem_(aligned(stem)), stem_bias_(aligned(stem_bias)) {
  require(stem.size() == kStemInputs * kStemOutputs && stem_bias.size() == kStemOutputs,
          "stem: expected 27 x 16 weights and 16 biases");
  require(layers.size() == kLayers, "layers: expected 17, got " + std::to_string(layers.size()));
  // Which layer each takes its input from, the first from the stem.
  constexpr std::size_t kBefore[kLayers] = {0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 12, 11};
  for (std::size_t k = 0; k < kLayers; ++k) {
    const auto& [n_in, n_out, mix, mix_bias, filter, filter_bias] = layers[k];
    const std::string name = "layers[" + std::to_string(k) + "]: ";
    const std::size_t before = k == 0 ? kStemOutputs : layers[kBefore[k]].n_out;
    require(n_in == before, name + "expected " + std::to_string(before) + " inputs");
    require(n_out == 16 || n_out == 32 || n_out == 64, name + "expected 16, 32 or 64 outputs");
    require(mix.size() == n_in * n_out && filter.size() == 9 * n_out && mix_bias.size() == n_out &&
                filter_bias.size() == n_out,
            name + "weights and biases differ in outputs");
    layers_.push_back({n_in, n_out, aligned(mix), aligned(mix_bias), aligned(filter), aligned(filter_bias)});
  }
  require(layers[6].n_out == layers[12].n_out && layers[8].n_out == layers[11].n_out,
          "layers: images that are added differ in channels");
  for (std::size_t k = kLayers - 3; k < kLayers; ++k)
    require(layers[k].n_out == kCellValues, "layers: a head has 16 outputs");
}

template <class Tell>
void FaceNetwork::look(const Pixels& photo, std::size_t height, std::size_t width, const Tell& tell) const {
  require(height >= photo.height && height % kMultiple == 0,
          "height: expected a multiple of 32, the photo's at least");
  require(width >= photo.width && width % kMultiple == 0,
          "width: expected a multiple of 32, the photo's at least");
  const auto through = [&](Source rows, std::size_t first, std::size_t count) {
    for (std::size_t k = first; k < first + count; ++k)
      rows = std::make_unique<Separable>(std::move(rows), layers_[k], true);
    return rows;
  };
  const auto pooled = [](Source rows) -> Source { return std::make_unique<Pool>(std::move(rows)); };
  const auto kept = [](const Image& image) -> Source { return std::make_unique<Kept>(image); };
  const auto sum = [](const Image& image, const Image& coarser) -> Source {
    return std::make_unique<Sum>(image, coarser);
  };
  const auto told = [&](Source rows, std::size_t scale) {
    Separable head(std::move(rows), layers_[kLayers - 3 + scale], false);
    for (std::size_t y = 0; y < head.shape.height; ++y) tell(scale, y, head.next());
  };

  Source rows = std::make_unique<Stem>(photo, height, width, stem_.data(), stem_bias_.data());
  rows = through(pooled(through(std::move(rows), 0, 1)), 1, 4);
  const Image fine(*through(pooled(std::move(rows)), 5, 2));
  const Image middle(*through(pooled(kept(fine)), 7, 2));
  const Image coarse(*through(pooled(kept(middle)), 9, 3));
  const Image middle_up(*through(sum(middle, coarse), 12, 1));
  told(through(sum(fine, middle_up), 13, 1), 0);
  told(kept(middle_up), 1);
  told(kept(coarse), 2);
}

void FaceNetwork::run(const Pixels& photo, std::size_t height, std::size_t width,
                      const std::array<float*, 3>& cells) const {
  look(photo, height, width, [&](std::size_t scale, std::size_t y, const float* row) {
    const std::size_t size = width / kStrides[scale] * kCellValues;
    std::copy_n(row, size, cells[scale] + y * size);
  });
}

Cells FaceNetwork::find(const Pixels& photo, std::size_t height, std::size_t width, float least) const {
  Cells found;
  look(photo, height, width, [&](std::size_t scale, std::size_t y, const float* row) {
    for (std::size_t x = 0; x < width / kStrides[scale]; ++x, row += kCellValues) {
      if (!(row[0] >= least && row[1] >= least)) continue;
      for (const std::size_t place : {x, y, kStrides[scale]})
        found.places.push_back(static_cast<float>(place));
      found.values.insert(found.values.end(), row, row + kCellValues);
    }
  });
  return found;
}

}  // namespace fastface
