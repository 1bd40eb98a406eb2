// Inner products of scattered rows: what gemm.hpp is for matrices that repay packing, this is for a
// few rows, or for rows picked here and there. Rows are read where they lie.
//
// A product is one vector of partial sums, then sum() and the tail: its bits do not depend on the
// tile it falls in.
#pragma once

#include <cstddef>
#include <cstring>

#include "core/simd.hpp"

namespace fastface::FASTFACE_TARGET {

// out[r * stride + c] = <left row r, right row c> for a tile of Rows x Cols, a multiple of kLanes.
template <std::size_t Rows, std::size_t Cols>
FASTFACE_INLINE void multiply_rows(const float* const* left, const float* const* right, std::size_t depth,
                                   float* tile) {
  static_assert(Rows * Cols % kLanes == 0);
  f32v partial[Rows * Cols] = {};
  std::size_t k = 0;
  for (; k + kLanes <= depth; k += kLanes) {
    f32v rows[Rows];
#pragma GCC unroll 16
    for (std::size_t r = 0; r < Rows; ++r) rows[r] = load(left[r] + k);
#pragma GCC unroll 16
    for (std::size_t c = 0; c < Cols; ++c) {
      const f32v column = load(right[c] + k);
#pragma GCC unroll 16
      for (std::size_t r = 0; r < Rows; ++r) partial[r * Cols + c] += rows[r] * column;
    }
  }
#pragma GCC unroll 16
  for (std::size_t t = 0; t < Rows * Cols; t += kLanes) store(tile + t, sums(partial + t));
  if (k == depth) return;
  for (std::size_t r = 0; r < Rows; ++r)
    for (std::size_t c = 0; c < Cols; ++c) {
      float tail = 0;
      for (std::size_t i = k; i < depth; ++i) tail += left[r][i] * right[c][i];
      tile[r * Cols + c] += tail;
    }
}

template <std::size_t Rows, std::size_t Cols>
FASTFACE_INLINE void multiply_row_strip(const float* const* left, const float* const* right, std::size_t cols,
                                        std::size_t depth, float* out, std::size_t stride) {
  float tile[Rows * Cols];
  for (std::size_t first = 0; first < cols; first += Cols) {
    const float* columns[Cols];  // the last tile repeats its last column
    for (std::size_t c = 0; c < Cols; ++c) columns[c] = right[first + c < cols ? first + c : cols - 1];
    multiply_rows<Rows, Cols>(left, columns, depth, tile);
    if (first + Cols <= cols) {
      for (std::size_t r = 0; r < Rows; ++r)
        std::memcpy(out + r * stride + first, tile + r * Cols, Cols * sizeof(float));
    } else {
      for (std::size_t r = 0; r < Rows; ++r)
        std::memcpy(out + r * stride + first, tile + r * Cols, (cols - first) * sizeof(float));
    }
  }
}

static void row_products(const float* const* left, std::size_t rows, const float* const* right,
                         std::size_t cols, std::size_t depth, float* out, std::size_t stride) noexcept {
  // Four rows at a time and as many columns as the registers hold; a single row takes more columns.
  constexpr std::size_t kRows = 4;
  constexpr std::size_t kCols = kLanes >= 16 ? 4 : 2;
  constexpr std::size_t kColsOfOneRow = kLanes >= 8 ? kLanes : 8;
  constexpr std::size_t kBlock = 16;  // columns that stay in the first-level cache for all rows
  for (std::size_t first = 0; first < cols; first += kBlock) {
    const std::size_t width = cols - first < kBlock ? cols - first : kBlock;
    std::size_t r = 0;
    for (; r + kRows <= rows; r += kRows)
      multiply_row_strip<kRows, kCols>(left + r, right + first, width, depth, out + r * stride + first,
                                       stride);
    for (; r < rows; ++r)
      multiply_row_strip<1, kColsOfOneRow>(left + r, right + first, width, depth, out + r * stride + first,
                                           stride);
  }
}

}  // namespace fastface::FASTFACE_TARGET
