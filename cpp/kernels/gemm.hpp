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

// Packs `width` rows of `depth` values; a null row is packed as zeros. In runs of one cache line of
// every row, so that the lines written stay in the first-level cache until they are full.
static void pack_panel(const float* const* rows, std::size_t width, std::size_t depth, float* out) noexcept {
  constexpr std::size_t kRun = 16;
  for (std::size_t begin = 0; begin < depth; begin += kRun) {
    const std::size_t end = begin + kRun < depth ? begin + kRun : depth;
    for (std::size_t r = 0; r < width; ++r) {
      const float* row = rows[r];
      for (std::size_t k = begin; k < end; ++k) out[k * width + r] = row ? row[k] : 0.0f;
    }
  }
}

// tile[r * kTileCols + c] = <row r of the left panel, row c of the right panel>.
static void multiply_tile(const float* left, const float* right, std::size_t depth, float* tile) noexcept {
  f32v sums[kTileRows][kTileVectors] = {};
  for (std::size_t k = 0; k < depth; ++k, left += kTileRows, right += kTileCols) {
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

// products[p] = <left[p], right[p]>, the same bits for kPairs pairs of rows read where they lie. As
// many chains of additions as hide their latency; one pair alone would take as long.
inline constexpr std::size_t kPairs = 8;
static void multiply_pairs(const float* const* left, const float* const* right, std::size_t depth,
                           float* products) noexcept {
  float sums[kPairs] = {};
  for (std::size_t k = 0; k < depth; ++k)
#pragma GCC unroll 8
    for (std::size_t p = 0; p < kPairs; ++p) sums[p] = multiply_add(sums[p], left[p][k], right[p][k]);
  std::memcpy(products, sums, sizeof sums);
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
