#include "algorithms/lasso_atoms.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "algorithms/lasso_problem.hpp"
#include "core/parallel.hpp"

namespace fastface::lasso_solvers {

namespace {

constexpr std::size_t kRowsPerPiece = 256;

template <class T>
void replace_by_last(std::vector<T>& values, std::size_t index) {
  values[index] = values.back();
  values.pop_back();
}

}  // namespace

void Atoms::append(MatrixView<const float> rows, const char* name, std::size_t threads) {
  const std::size_t first = size();
  if (rows.rows > std::numeric_limits<std::int32_t>::max() - first)
    throw std::invalid_argument("dictionary: more than 2**31 - 1 atoms");
  std::vector<float> norms(rows.rows);
  parallel_for(rows.rows, kRowsPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t j = begin; j < end; ++j) norms[j] = kernels_->dot(rows.row(j), rows.row(j), dims_);
  });
  for (std::size_t j = 0; j < rows.rows; ++j) require_range(norms[j], name, j);
  for (std::size_t j = 0; j < rows.rows; ++j) {
    rows_.push_back(rows.row(j));
    norms_.push_back(std::sqrt(norms[j]));
  }
  if (words_kept_) quantise_from(first, threads);
  if (gram_kept_) multiply_from(has_gram() ? first : 0, threads);
  find_largest();
}

void Atoms::remove(std::size_t index) {
  const std::size_t last = size() - 1;
  if (words_kept_) {
    const std::size_t width = kernels_->tile_cols;
    const auto column = [&](std::size_t row) {
      return words_.data() + row / width * width * words_per_row() + row % width;
    };
    for (std::size_t w = 0; w < words_per_row(); ++w) column(index)[w * width] = column(last)[w * width];
    scales_[index] = scales_[last];
    replace_by_last(residuals_, index);
  }
  if (has_gram()) {
    float* gram = gram_.data();
    for (std::size_t j = 0; j < last; ++j) gram[j * gram_stride_ + index] = gram[j * gram_stride_ + last];
    std::copy_n(gram + last * gram_stride_, last, gram + index * gram_stride_);
    gram[index * gram_stride_ + index] = gram[last * gram_stride_ + last];
  }
  replace_by_last(rows_, index);
  replace_by_last(norms_, index);
  if (gram_kept_ && !has_gram() && size() <= kMostGramAtoms / 2) multiply_from(0, 1);
  find_largest();
}

void Atoms::find_largest() {
  const auto largest = [](const std::vector<float>& values) {
    return values.empty() ? 0.0f : *std::max_element(values.begin(), values.end());
  };
  largest_norm_ = largest(norms_);
  largest_residual_ = largest(residuals_);
}

void Atoms::keep_words(std::size_t threads) {
  words_kept_ = true;
  quantise_from(0, threads);
  find_largest();
}

void Atoms::quantise_from(std::size_t first, std::size_t threads) {
  const std::size_t width = kernels_->tile_cols;
  const std::size_t panels = (size() + width - 1) / width;
  if (panels > word_panels_) {
    const std::size_t room = std::max(panels, first > 0 ? word_panels_ * 3 / 2 : 0);
    BufferOf<std::int32_t> words(room * width * words_per_row());
    if (first > 0) std::copy_n(words_.data(), word_panels_ * width * words_per_row(), words.data());
    words_ = std::move(words);
    word_panels_ = room;
  }
  scales_.resize(panels * width);
  residuals_.resize(size());
  const std::size_t first_panel = first / width;
  parallel_for(panels - first_panel, 8, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t panel = begin; panel < end; ++panel) quantise_panel(first_panel + panel, first);
  });
}

// The rows of a panel from `first` on; what it holds before stays.
void Atoms::quantise_panel(std::size_t panel, std::size_t first) {
  const std::size_t width = kernels_->tile_cols;
  const std::size_t stride = (dims_ + 3) / 4 * 4;
  const std::size_t begin = std::max(panel * width, first), end = std::min((panel + 1) * width, size());
  std::vector<std::int8_t> values(width * stride);
  std::vector<const std::int8_t*> rows(width, nullptr);
  for (std::size_t j = begin; j < end; ++j) {
    std::int8_t* row = values.data() + j % width * stride;
    rows[j % width] = row;
    const RowBound bound = kernels_->quantise(rows_[j], dims_, row);
    scales_[j] = bound.scale;
    residuals_[j] = bound.residual;
    norms_[j] = std::max(norms_[j], bound.norm);
  }
  std::int32_t* target = words_.data() + panel * width * words_per_row();
  if (begin == panel * width) {
    kernels_->pack_words(rows.data(), width, dims_, true, target);
    return;
  }
  std::vector<std::int32_t> words(words_per_row());
  for (std::size_t c = begin % width; c < width; ++c) {
    kernels_->pack_words(rows.data() + c, 1, dims_, true, words.data());
    for (std::size_t w = 0; w < words.size(); ++w) target[w * width + c] = words[w];
  }
}

PackedWords Atoms::words(std::size_t first) const {
  return {.words = words_.data() + first * words_per_row(),
          .bounds = nullptr,
          .peaks = nullptr,
          .scales = scales_.data() + first,
          .norms = nullptr,
          .residuals = nullptr};
}

void Atoms::keep_gram(std::size_t threads) {
  gram_kept_ = true;
  multiply_from(0, threads);
}

void Atoms::multiply_from(std::size_t first, std::size_t threads) {
  if (size() > kMostGramAtoms) {
    gram_ = {};
    gram_stride_ = 0;
    return;
  }
  if (size() > gram_stride_) {
    const std::size_t stride = padded(std::max(size(), gram_stride_ * 3 / 2));
    std::vector<float> gram(stride * stride);
    for (std::size_t j = 0; j < first; ++j) std::copy_n(gram_row(j), first, gram.begin() + j * stride);
    gram_.swap(gram);
    gram_stride_ = stride;
  }
  // Symmetric: rows up to the last diagonal element of their piece, then mirrored.
  constexpr std::size_t kPiece = 8;
  parallel_for(size() - first, kPiece, threads, [&](std::size_t begin, std::size_t end) {
    kernels_->row_products(rows_.data() + first + begin, end - begin, rows_.data(), first + end, dims_,
                           gram_.data() + (first + begin) * gram_stride_, gram_stride_);
  });
  for (std::size_t j = first; j < size(); ++j)
    for (std::size_t i = 0; i < j; ++i) gram_[i * gram_stride_ + j] = gram_[j * gram_stride_ + i];
}

}  // namespace fastface::lasso_solvers
