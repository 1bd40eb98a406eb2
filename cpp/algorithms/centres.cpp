#include "algorithms/centres.hpp"

#include <algorithm>
#include <limits>

#include "core/parallel.hpp"
#include "core/watch.hpp"

namespace fastface {
namespace {

std::size_t words_per_row(std::size_t dims) { return (dims + 3) / 4 * kernels().words_per_four; }

// Rows packed for the left side, filled up to whole panels.
class LeftWords {
 public:
  LeftWords(const QuantisedRows& rows, std::span<const std::int32_t> listed, std::size_t dims)
      : words_(panels(listed.size()) * kernels().tile_rows * words_per_row(dims)),
        bounds_(panels(listed.size()) * kernels().tile_rows) {
    const std::size_t width = kernels().tile_rows;
    std::vector<const std::int8_t*> pointers(width);
    for (std::size_t top = 0; top < listed.size(); top += width) {
      for (std::size_t r = 0; r < width; ++r) {
        const bool exists = top + r < listed.size();
        const auto row = exists ? static_cast<std::size_t>(listed[top + r]) : 0;
        pointers[r] = exists ? rows.row(row) : nullptr;
        bounds_[top + r] = exists ? rows.bound(row) : RowBound{};
      }
      kernels().pack_words(pointers.data(), width, dims, false, words_.data() + top * words_per_row(dims));
    }
  }

  PackedWords view() const {
    PackedWords words{};
    words.words = words_.data();
    words.bounds = bounds_.data();
    return words;
  }

 private:
  static std::size_t panels(std::size_t rows) {
    return (rows + kernels().tile_rows - 1) / kernels().tile_rows;
  }

  BufferOf<std::int32_t> words_;
  std::vector<RowBound> bounds_;
};

}  // namespace

Centres::Centres(MatrixView<const float> centres, std::size_t threads)
    : count_(centres.rows), dims_(centres.cols) {
  const std::size_t width = kernels().tile_cols, panels = (count_ + width - 1) / width;
  const QuantisedRows quantised(CheckedRows(centres, "centres", threads), threads);
  words_ = BufferOf<std::int32_t>(panels * width * words_per_row(dims_));
  scales_.assign(panels * width, 0);
  parallel_for(panels, 1, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<const std::int8_t*> pointers(width);
    for (std::size_t first = begin * width; first < end * width; first += width) {
      for (std::size_t c = 0; c < width; ++c) {
        const bool exists = first + c < count_;
        pointers[c] = exists ? quantised.row(first + c) : nullptr;
        if (exists) scales_[first + c] = quantised.bound(first + c).scale;
      }
      kernels().pack_words(pointers.data(), width, dims_, true, words_.data() + first * words_per_row(dims_));
    }
  });
}

PackedWords Centres::panel(std::size_t first) const {
  PackedWords words{};
  words.words = words_.data() + first * words_per_row(dims_);
  words.scales = scales_.data() + first;
  return words;
}

std::vector<std::int32_t> Centres::nearest(const QuantisedRows& rows, std::span<const std::int32_t> listed,
                                           std::size_t k, std::size_t threads) const {
  const Kernels& kernel = kernels();
  // Of so many rows and centres the products stay in the nearest caches. Lines of one column lie in
  // different sets of those, by what a line is longer.
  constexpr std::size_t kCentresAtOnce = 512, kLine = kCentresAtOnce + 16;
  const std::size_t block = 4 * kernel.tile_rows;
  std::vector<std::int32_t> places(listed.size() * k);
  parallel_for(listed.size(), block, threads, [&](std::size_t begin, std::size_t end) {
    const LeftWords left(rows, listed.subspan(begin, end - begin), dims_);
    const Buffer products((end - begin) * kLine);
    std::vector<float> largest((end - begin) * k, -std::numeric_limits<float>::infinity());
    for (std::size_t from = 0; from < count_; from += kCentresAtOnce) {
      const std::size_t to = std::min(from + kCentresAtOnce, count_);
      for (std::size_t first = from; first < to; first += kernel.tile_cols)
        kernel.word_products(left.view(), end - begin, panel(first), std::min(kernel.tile_cols, to - first),
                             dims_, products.data() + (first - from), kLine);
      for (std::size_t row = 0; row < end - begin; ++row)
        kernel.keep_largest(products.data() + row * kLine, to - from, from, k, largest.data() + row * k,
                            places.data() + (begin + row) * k);
    }
    advance((end - begin) * count_);
  });
  return places;
}

}  // namespace fastface
