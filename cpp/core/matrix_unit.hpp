// Intel's AMX multiplies whole tiles, 16 rows by 64 bytes: eight times the products of VNNI in a cycle. The
// unit must be set up on the thread that uses it, and is released when that is done, so that no switch of
// threads has to save it. Apart from simd.hpp the only header that knows instruction sets.
#pragma once

#include "core/kernels.hpp"
#include "core/simd.hpp"

namespace fastface::FASTFACE_TARGET {

#if defined(__AMX_INT8__) && defined(__AVX512VNNI__)
inline constexpr bool kHasMatrixUnit = true;

// For products of two panels of `Rows` left rows: registers 0 to 3 take the sums, 4 and 5 left rows, 6 and
// 7 right columns.
template <std::size_t Rows>
class MatrixUnit {
 public:
  [[gnu::always_inline]] MatrixUnit() {
    struct alignas(64) Shape {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t bytes_per_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      std::uint8_t rows[16] = {Rows, Rows, Rows, Rows, Rows, Rows, 16, 16};
    };
    static constexpr Shape kShape;
    _tile_loadconfig(&kShape);
  }
  [[gnu::always_inline]] ~MatrixUnit() { _tile_release(); }
  MatrixUnit(const MatrixUnit&) = delete;
  MatrixUnit& operator=(const MatrixUnit&) = delete;
};

// products[2 * r + v] = <row r of the left words, columns of the right words in vector v>, of Rows rows and
// 32 columns, all with their signs. Left words lie by the line: 16 of each row, row after row, then the next
// 16; right words as for accumulate(). There are a multiple of 16 of each.
template <std::size_t Rows>
FASTFACE_INLINE void multiply_tiles(const std::int32_t* left, const std::int32_t* right, std::size_t words,
                                    i32v* products) {
  constexpr std::size_t kLine = 64;
  _tile_zero(0);
  _tile_zero(1);
  for (std::size_t w = 0; w < words; w += 16) {
    _tile_loadd(4, left + w * Rows, kLine);
    _tile_loadd(6, right + w * 32, 2 * kLine);
    _tile_loadd(7, right + w * 32 + 16, 2 * kLine);
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
  }
  _tile_stored(0, products, 2 * kLine);
  _tile_stored(1, products + 1, 2 * kLine);
}

// The same for two panels of left rows, the second of which follows the first: a sum takes 52 cycles before
// the next can be added, in which four fit.
template <std::size_t Rows>
FASTFACE_INLINE void multiply_tile_pairs(const std::int32_t* left, const std::int32_t* right,
                                         std::size_t words, i32v* products) {
  constexpr std::size_t kLine = 64;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const std::int32_t* second = left + Rows * words;
  for (std::size_t w = 0; w < words; w += 16) {
    _tile_loadd(4, left + w * Rows, kLine);
    _tile_loadd(6, right + w * 32, 2 * kLine);
    _tile_dpbssd(0, 4, 6);
    _tile_loadd(7, right + w * 32 + 16, 2 * kLine);
    _tile_dpbssd(1, 4, 7);
    _tile_loadd(5, second + w * Rows, kLine);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  _tile_stored(0, products, 2 * kLine);
  _tile_stored(1, products + 1, 2 * kLine);
  _tile_stored(2, products + 2 * Rows, 2 * kLine);
  _tile_stored(3, products + 2 * Rows + 1, 2 * kLine);
}

// float32 by products of 16-bit halves (bfloat16): x is about high + low, each of eight digits, and x * y
// about low * high + high * high + high * low, within 2^-16 of |x| * |y|. Three products, but sixteen
// times as many in a cycle as of float32.
//
// Rows of 32 values: what of two vectors goes up, and what is left, 64 bytes each.
FASTFACE_INLINE void split_row(f32v first, f32v second, std::uint16_t* high, std::uint16_t* low) {
  const auto halves = [](f32v a, f32v b) {
    return reinterpret_cast<__m512i>(
        _mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(b), reinterpret_cast<__m512>(a)));
  };
  const auto whole = [](__m256i half) {
    return reinterpret_cast<f32v>(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
  };
  const __m512i up = halves(first, second);
  _mm512_storeu_si512(high, up);
  _mm512_storeu_si512(low, halves(first - whole(_mm512_castsi512_si256(up)),
                                  second - whole(_mm512_extracti64x4_epi64(up, 1))));
}

// Sums of 16 or 32 left rows with 16 or 32 right columns over `n_tiles` tiles of 32 values each. A left
// tile is 16 rows of high halves, then of low ones; a right tile 16 pairs of rows of 16 columns, likewise
// (kHalves in all); the second of each lies left_step or right_step values behind the first.
// Sums begin with `start` of their column, lie as [right][left row][column], and are the same bits
// whatever is computed with them.
template <bool TwoLeft, bool TwoRight>
FASTFACE_INLINE void multiply_halves(const std::uint16_t* left, std::size_t left_step,
                                     const std::uint16_t* right, std::size_t right_step, std::size_t n_tiles,
                                     const float* start, float* sums) {
  constexpr std::size_t kLine = 64, kLow = kHalves / 2, kTile = 256;
  _tile_loadd(0, start, 0);
  if constexpr (TwoRight) _tile_loadd(1, start + 16, 0);
  if constexpr (TwoLeft) _tile_loadd(2, start, 0);
  if constexpr (TwoLeft && TwoRight) _tile_loadd(3, start + 16, 0);
  for (std::size_t t = 0; t < n_tiles; ++t, left += kHalves, right += kHalves) {
    _tile_loadd(4, left + kLow, kLine);
    _tile_loadd(6, right, kLine);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (TwoRight) {
      _tile_loadd(7, right + right_step, kLine);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (TwoLeft) {
      _tile_loadd(5, left + left_step + kLow, kLine);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (TwoRight) _tile_dpbf16ps(3, 5, 7);
    }
    _tile_loadd(4, left, kLine);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (TwoRight) _tile_dpbf16ps(1, 4, 7);
    if constexpr (TwoLeft) {
      _tile_loadd(5, left + left_step, kLine);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (TwoRight) _tile_dpbf16ps(3, 5, 7);
    }
    _tile_loadd(6, right + kLow, kLine);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (TwoLeft) _tile_dpbf16ps(2, 5, 6);
    if constexpr (TwoRight) {
      _tile_loadd(7, right + right_step + kLow, kLine);
      _tile_dpbf16ps(1, 4, 7);
      if constexpr (TwoLeft) _tile_dpbf16ps(3, 5, 7);
    }
  }
  constexpr std::size_t kRight = (TwoLeft ? 2 : 1) * kTile;
  _tile_stored(0, sums, kLine);
  if constexpr (TwoRight) _tile_stored(1, sums + kRight, kLine);
  if constexpr (TwoLeft) _tile_stored(2, sums + kTile, kLine);
  if constexpr (TwoLeft && TwoRight) _tile_stored(3, sums + kRight + kTile, kLine);
}
#else
inline constexpr bool kHasMatrixUnit = false;
template <std::size_t Rows>
class MatrixUnit {
 public:
  MatrixUnit() {}  // not trivial: an object of it is no unused variable
};
template <std::size_t Rows>
FASTFACE_INLINE void multiply_tiles(const std::int32_t*, const std::int32_t*, std::size_t, i32v*) {}
template <std::size_t Rows>
FASTFACE_INLINE void multiply_tile_pairs(const std::int32_t*, const std::int32_t*, std::size_t, i32v*) {}
FASTFACE_INLINE void split_row(f32v, f32v, std::uint16_t*, std::uint16_t*) {}
template <bool TwoLeft, bool TwoRight>
FASTFACE_INLINE void multiply_halves(const std::uint16_t*, std::size_t, const std::uint16_t*, std::size_t,
                                     std::size_t, const float*, float*) {}
#endif

}  // namespace fastface::FASTFACE_TARGET
