// Rows at places, in float32: each widened once, at its first use, and kept.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/buffer.hpp"
#include "core/rows.hpp"

namespace fastface {

class KeptRows {
 public:
  explicit KeptRows(std::size_t places) : rows_(places, nullptr) {}

  // The row at a place. It stays where it is until forget().
  const float* row(std::size_t place, const RowsView& matrix, std::size_t index) {
    if (!matrix.is_narrow()) return matrix.row(index, nullptr);
    const float*& kept = rows_[place];
    if (!kept) kept = matrix.row(index, room(matrix.cols));
    return kept;
  }

  // Other rows are at the places from now on.
  void exchange() { std::fill(rows_.begin(), rows_.end(), nullptr); }
  // Nobody reads any more what was handed out.
  void forget() {
    n_used_ = 0;
    exchange();
  }

 private:
  static constexpr std::size_t kRowsPerChunk = 64;

  float* room(std::size_t cols) {
    const std::size_t chunk = n_used_ / kRowsPerChunk;
    if (chunk == chunks_.size()) chunks_.emplace_back(kRowsPerChunk * cols);
    return chunks_[chunk].data() + n_used_++ % kRowsPerChunk * cols;
  }

  std::vector<const float*> rows_;
  std::vector<Buffer> chunks_;
  std::size_t n_used_ = 0;
};

}  // namespace fastface
