// Inner products of all pairs of rows of two matrices, one register tile at a time.
//
// Both matrices are packed into panels: kTileRows rows of the left one, kTileCols rows of the right
// one, stored depth-major so that step k of a tile reads two short contiguous runs. Whoever wants
// the products passes what to do with a finished tile; no matrix of products need ever exist.
//
// Every product is one accumulator summed over k = 0, 1, 2, ...: its bits depend neither on where in
// a tile it falls, nor on which of the two rows is on the left, nor on the number of threads.
#pragma once

#include "core/simd.hpp"

namespace fastface::FASTFACE_TARGET {

// The accumulators fill the registers but for the right panel's vectors and one broadcast:
// 14 x 2 of 32 registers, 6 x 2 of 16. Wider than tall, because a broadcast can come straight from
// memory and a vector is loaded once for all rows.
inline constexpr std::size_t kTileVectors = 2;
inline constexpr std::size_t kTileRows = kRegisters == 32 ? 14 : 6;
inline constexpr std::size_t kTileCols = kTileVectors * kLanes;

// out[k * width + r] = value k of row r, depth-major; a null row is `empty` throughout. load(row, k)
// gives kLanes values from k on, value(row, k) one. Rows are transposed in registers, kLanes at a time.
// Those left over go first, for whole vectors are stored, of which the lanes too many fall where the
// next k will be written, if anywhere.
template <class Vector, class Row, class Value, class Load, class One>
FASTFACE_INLINE void interleave_rows(const Row* const* rows, std::size_t width, std::size_t depth,
                                     Value empty, Load load, One value, Value* out) {
  const std::size_t whole_depth = depth / kLanes * kLanes;
  const Value* end = out + depth * width;
  const auto transpose_rows = [&](std::size_t first, std::size_t count) {
    for (std::size_t k = 0; k < whole_depth; k += kLanes) {
      Vector block[kLanes];
#pragma GCC unroll 16
      for (std::size_t r = 0; r < kLanes; ++r)
        block[r] = r < count && rows[first + r] ? load(rows[first + r], k) : splat(empty);
      transpose(block);
#pragma GCC unroll 16
      for (std::size_t r = 0; r < kLanes; ++r) {
        Value* target = out + (k + r) * width + first;
        if (target + kLanes <= end)
          store(target, block[r]);
        else
          std::memcpy(target, &block[r], count * sizeof(Value));
      }
    }
  };
  const std::size_t whole_rows = width / kLanes * kLanes;
  if (whole_rows < width) transpose_rows(whole_rows, width - whole_rows);
  for (std::size_t first = 0; first < whole_rows; first += kLanes) transpose_rows(first, kLanes);
  for (std::size_t k = whole_depth; k < depth; ++k)
    for (std::size_t r = 0; r < width; ++r) out[k * width + r] = rows[r] ? value(rows[r], k) : empty;
}

// Packs `width` rows of `depth` values; a null row is packed as zeros.
static void pack_panel(const float* const* rows, std::size_t width, std::size_t depth, float* out) noexcept {
  interleave_rows<f32v>(
      rows, width, depth, 0.0f, [](const float* row, std::size_t k) { return load(row + k); },
      [](const float* row, std::size_t k) { return row[k]; }, out);
}

// Asks for the line of the cache that a tile will read kStepsAhead steps later. Panels lie in the second
// cache, and the processor by itself starts too late at the head of each. Past the end nothing happens.
inline constexpr std::size_t kStepsAhead = 16;
FASTFACE_INLINE void fetch_ahead(const float* left, const float* right) {
  constexpr std::size_t kLine = 64 / sizeof(float);
  __builtin_prefetch(left + kStepsAhead * kTileRows);
#pragma GCC unroll 16
  for (std::size_t c = 0; c < kTileCols; c += kLine) __builtin_prefetch(right + kStepsAhead * kTileCols + c);
}

// tile[r * kTileCols + c] = <row r of the left panel, row c of the right panel>.
static void multiply_tile(const float* left, const float* right, std::size_t depth, float* tile) noexcept {
  f32v sums[kTileRows][kTileVectors] = {};
  for (std::size_t k = 0; k < depth; ++k, left += kTileRows, right += kTileCols) {
    fetch_ahead(left, right);
    f32v columns[kTileVectors];
#pragma GCC unroll 16
    for (std::size_t v = 0; v < kTileVectors; ++v) columns[v] = load(right + v * kLanes);
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kTileRows; ++r) {
      const f32v value = splat(left[r]);
#pragma GCC unroll 16
      for (std::size_t v = 0; v < kTileVectors; ++v) sums[r][v] += value * columns[v];
    }
  }
#pragma GCC unroll 16
  for (std::size_t r = 0; r < kTileRows; ++r)
#pragma GCC unroll 16
    for (std::size_t v = 0; v < kTileVectors; ++v) store(tile + r * kTileCols + v * kLanes, sums[r][v]);
}

// The same bits for up to kFewRows rows of the tile only; the others keep what they had. Where few
// rows are wanted this takes the time of four, as many as hide the latency of the additions.
inline constexpr std::size_t kFewRows = 4;
static void multiply_few_rows(const float* left, const float* right, std::size_t depth,
                              const std::size_t* rows, std::size_t count, float* tile) noexcept {
  std::size_t chosen[kFewRows];
  for (std::size_t r = 0; r < kFewRows; ++r) chosen[r] = rows[r < count ? r : 0];
  f32v sums[kFewRows][kTileVectors] = {};
  for (std::size_t k = 0; k < depth; ++k, left += kTileRows, right += kTileCols)
#pragma GCC unroll 16
    for (std::size_t v = 0; v < kTileVectors; ++v) {
      const f32v columns = load(right + v * kLanes);
#pragma GCC unroll 16
      for (std::size_t r = 0; r < kFewRows; ++r) sums[r][v] += splat(left[chosen[r]]) * columns;
    }
  for (std::size_t r = 0; r < kFewRows; ++r)
    for (std::size_t v = 0; v < kTileVectors; ++v)
      store(tile + chosen[r] * kTileCols + v * kLanes, sums[r][v]);
}

// products[p] = <left[p], right[p]>, the same bits for kPairs pairs of rows read where they lie: the
// pairs of a vector are transposed, and then summed value by value like a tile. One chain of additions
// would wait for itself, so there are several where vectors are short.
inline constexpr std::size_t kPairs = 16;
static void multiply_pairs(const float* const* left, const float* const* right, std::size_t depth,
                           float* products) noexcept {
  constexpr std::size_t kChains = kPairs / kLanes;
  f32v sums[kChains] = {};
  std::size_t k = 0;
  for (; k + kLanes <= depth; k += kLanes)
    for (std::size_t chain = 0; chain < kChains; ++chain) {
      f32v a[kLanes], b[kLanes];
#pragma GCC unroll 16
      for (std::size_t p = 0; p < kLanes; ++p) {
        a[p] = load(left[chain * kLanes + p] + k);
        b[p] = load(right[chain * kLanes + p] + k);
      }
      transpose(a);
      transpose(b);
#pragma GCC unroll 16
      for (std::size_t step = 0; step < kLanes; ++step) sums[chain] += a[step] * b[step];
    }
  std::memcpy(products, sums, sizeof sums);
  for (; k < depth; ++k)
    for (std::size_t p = 0; p < kPairs; ++p) products[p] = multiply_add(products[p], left[p][k], right[p][k]);
}

// A strip is `panels` left panels times one right panel: finish(first_row, tile) for each tile, top
// to bottom. The right panel stays in the nearest caches meanwhile.
template <class Finish>
FASTFACE_INLINE void multiply_strip(const float* left, std::size_t panels, const float* right,
                                    std::size_t depth, Finish finish) {
  alignas(64) float tile[kTileRows * kTileCols];
  for (std::size_t panel = 0; panel < panels; ++panel) {
    multiply_tile(left + panel * kTileRows * depth, right, depth, tile);
    finish(panel * kTileRows, tile);
  }
}

static void strip_products(const float* left, std::size_t rows, const float* right, std::size_t cols,
                           std::size_t depth, float* out, std::size_t stride) noexcept {
  const auto finish = [&](std::size_t top, const float* tile) {
    for (std::size_t r = 0; r < kTileRows && top + r < rows; ++r)
      for (std::size_t c = 0; c < cols; ++c) out[(top + r) * stride + c] = tile[r * kTileCols + c];
  };
  multiply_strip(left, (rows + kTileRows - 1) / kTileRows, right, depth, finish);
}

}  // namespace fastface::FASTFACE_TARGET
