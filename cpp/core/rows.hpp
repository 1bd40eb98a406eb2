// Rows of embeddings as their owner keeps them: float32, or in fewer bits and widened when they are read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/buffer.hpp"
#include "core/view.hpp"

namespace fastface {

// C-contiguous rows, borrowed. Absent: no data. Rows of 8-bit integers have lost their length, and are
// read scaled to unit norm.
class RowsView {
 public:
  RowsView() = default;
  RowsView(MatrixView<const float> matrix) : RowsView(matrix.data, matrix.rows, matrix.cols) {}
  RowsView(const float* data, std::size_t n_rows, std::size_t n_cols)
      : rows(n_rows), cols(n_cols), floats_(data) {}
  RowsView(const Half* data, std::size_t n_rows, std::size_t n_cols)
      : rows(n_rows), cols(n_cols), halves_(data) {}
  RowsView(const std::int8_t* data, std::size_t n_rows, std::size_t n_cols)
      : rows(n_rows), cols(n_cols), bytes_(data) {}

  explicit operator bool() const { return floats_ || is_narrow(); }
  // Whether row() needs room to write to.
  bool is_narrow() const { return halves_ || bytes_; }
  // A row in float32: where it lies or, of narrow rows, widened to `room` for `cols` values.
  const float* row(std::size_t index, float* room) const {
    if (floats_) return floats_ + index * cols;
    widen(index, room);
    return room;
  }

  std::size_t rows = 0;
  std::size_t cols = 0;

 private:
  void widen(std::size_t index, float* room) const;

  const float* floats_ = nullptr;
  const Half* halves_ = nullptr;
  const std::int8_t* bytes_ = nullptr;
};

// Room for some rows of a view; none is needed where they are not narrow.
class RoomFor {
 public:
  explicit RoomFor(const RowsView& rows, std::size_t count = 1)
      : values_(rows.is_narrow() ? count * rows.cols : 0), cols_(rows.is_narrow() ? rows.cols : 0) {}

  float* row(std::size_t index = 0) const { return values_.data() + index * cols_; }

 private:
  Buffer values_;
  std::size_t cols_;
};

}  // namespace fastface
