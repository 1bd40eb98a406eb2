#include "algorithms/centres.hpp"

#include <algorithm>
#include <cmath>
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
                                           std::size_t k, std::size_t threads, float least,
                                           std::span<const std::int32_t> ends) const {
  const Kernels& kernel = kernels();
  constexpr std::size_t kPanels = 32;  // of rows stay in the second-level cache
  const std::size_t block = kPanels * kernel.tile_rows;
  const float below = std::nextafter(least, -std::numeric_limits<float>::infinity());
  std::vector<std::int32_t> places(listed.size() * k, -1);
  parallel_for(listed.size(), block, threads, [&](std::size_t begin, std::size_t end) {
    const std::size_t count = end - begin;
    const LeftWords left(rows, listed.subspan(begin, count), dims_);
    const std::vector<std::int32_t> all(ends.empty() ? count : 0, static_cast<std::int32_t>(count_));
    const std::int32_t* before = ends.empty() ? all.data() : ends.data() + begin;
    std::vector<float> largest(count * k, below);
    const auto seen = static_cast<std::size_t>(*std::max_element(before, before + count));
    for (std::size_t first = 0; first < seen; first += kernel.tile_cols)
      kernel.strip_largest(left.view(), count, panel(first), static_cast<std::int32_t>(first), dims_, before,
                           k, largest.data(), places.data() + begin * k);
    advance(count * count_);
  });
  return places;
}

}  // namespace fastface
