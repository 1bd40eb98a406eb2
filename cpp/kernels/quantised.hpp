// Rows in 8 bits, and what their inner products prove about those of the float32 rows.
//
// A row x of d <= kMaxQuantisedDims values is x = s q + r: s = max|x| / 127 its scale, q integers of
// at most 127, r what rounding left. With norms N_x >= |x|, |s q| and E_x >= |r|, by Cauchy-Schwarz,
//
//   <x, y> = s_x s_y <q_x, q_y> + <r_x, s_y q_y> + <x, r_y>
//         <= s_x s_y <q_x, q_y> + E_x N_y + N_x E_y.
//
// The float32 product P of x and y is off by no more than d u N_x N_y / (1 - d u) + 2^-134, for
// u = 2^-24 and any order of additions (Higham, Accuracy and Stability, section 3.1; the second term
// is for underflow: d roundings of at most 2^-150). So P <= U for
//
//   U = s_x s_y <q_x, q_y> + E'_x N_y + N_x E'_y,   E' = E + (0.51 d + 34) u N + 2^-40,
//
// also as evaluated in float32 by upper_bound(). The integer product is exact. Each of the three terms
// is at most 1.01 N_x N_y in size (quantise() makes E <= N) and suffers fewer than seven roundings, so
// that of the 68 u N_x N_y which the E' bring no more than 22 are used up; the rest is more than what
// rounding does to E. Underflow: where N_x or N_y is above 2^-90, 2^-40 of it exceeds what can be lost;
// else P = 0 <= U, because every product rounds to zero and s = 0 for rows as small as that.
//
// A distance is a monotone function of the products, also in float32. So a pair whose distance is
// too large when computed from U is too large when computed from P: it can be dropped, and dropping
// it changes nothing.
#pragma once

#include "core/kernels.hpp"
#include "core/matrix_unit.hpp"
#include "kernels/distances.hpp"
#include "kernels/gemm.hpp"

namespace fastface::FASTFACE_TARGET {

// Below this a row's scale is taken as zero: what it says is lost in E = N.
inline constexpr float kLeastQuantised = 0x1p-60f;

// Nearest integers of |x| < 2^22: adding 1.5 * 2^23 leaves them in the low bits.
FASTFACE_INLINE i32v round_to_int(f32v x) {
  const f32v shifted = x + splat(0x1.8p23f);
  return reinterpret_cast<i32v>(shifted) - splat(std::int32_t{0x4B400000});
}

// q has room for n rounded up to a multiple of four; the rest is filled with zeros. The row's values
// are finite and its norm at most 1e18.
static RowBound quantise(const float* x, std::size_t n, std::int8_t* q) noexcept {
  using i8v [[gnu::vector_size(kLanes)]] = std::int8_t;
  for (std::size_t k = n; k % 4 != 0; ++k) q[k] = 0;
  f32v peaks = {}, squares = {};
  const auto survey = [&](f32v value) {
    peaks = max(max(value, -value), peaks);
    squares += value * value;
  };
  // The tail, filled up with zeros.
  const std::size_t whole = n / kLanes * kLanes;
  float tail[kLanes] = {};
  for (std::size_t k = whole; k < n; ++k) tail[k - whole] = x[k];
  for (std::size_t k = 0; k < whole; k += kLanes) survey(load(x + k));
  survey(load(tail));
  float peak = 0, lanes[kLanes];
  store(lanes, peaks);
  for (const float lane : lanes) peak = lane > peak ? lane : peak;

  const float scale = peak < kLeastQuantised ? 0.0f : peak / 127;
  const float inverse = peak < kLeastQuantised ? 0.0f : 127 / peak;
  f32v residuals = {};
  i32v sums = {};
  const auto split = [&](f32v value) {
    const i32v rounded = round_to_int(value * splat(inverse));
    const f32v residual = value - splat(scale) * to_float(rounded);
    residuals += residual * residual;
    sums += rounded;
    return __builtin_convertvector(rounded, i8v);
  };
  for (std::size_t k = 0; k < whole; k += kLanes) {
    const i8v values = split(load(x + k));
    std::memcpy(q + k, &values, sizeof values);
  }
  const i8v values = split(load(tail));
  std::memcpy(q + whole, &values, n - whole);

  // Sums of squares are right to (d + 3) u, roots to half of that.
  const double dims = static_cast<double>(n), u = 0x1p-24, above = 1 + (dims + 8) * u;
  const double longest = peak < kLeastQuantised ? peak * __builtin_sqrt(dims)  // squares may vanish
                                                : __builtin_sqrt(static_cast<double>(sum(squares)));
  const double residual =
      peak < kLeastQuantised ? longest : __builtin_sqrt(static_cast<double>(sum(residuals)));
  const double norm = (longest + residual) * above;
  std::int32_t total = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) total += sums[lane];
  const double up = 1 + 0x1p-22;  // float32 rounds to nearest: make it up
  return {.scale = scale,
          .norm = static_cast<float>(norm * up),
          .residual = static_cast<float>((residual * above + (0.51 * dims + 34) * u * norm + 0x1p-40) * up),
          .sum = total};
}

// Words of a row of `dims` values, filled up with zeros to a multiple of four.
FASTFACE_INLINE std::size_t words_of(std::size_t dims) { return (dims + 3) / 4 * (4 / kWordValues); }

// Whether rows of so many words are multiplied by the matrix unit, which takes them by the line.
FASTFACE_INLINE bool suit_matrix_unit(std::size_t words) { return kHasMatrixUnit && words % 16 == 0; }

// Packs the words of `width` rows, one of each row after the other, or for the left side of the matrix
// unit a line of each; a null row is packed as zeros.
static void pack_words(const std::int8_t* const* rows, std::size_t width, std::size_t dims, bool right,
                       std::int32_t* out) noexcept {
  const std::size_t words = words_of(dims);
  if (!right && suit_matrix_unit(words)) {
    constexpr std::size_t kWordsOfLine = 16;
    for (std::size_t w = 0; w < words; w += kWordsOfLine)
      for (std::size_t r = 0; r < width; ++r, out += kWordsOfLine) {
        if (rows[r])
          std::memcpy(out, rows[r] + w * kWordValues, kWordsOfLine * sizeof(std::int32_t));
        else
          std::memset(out, 0, kWordsOfLine * sizeof(std::int32_t));
      }
    return;
  }
  const int offset = right && !suit_matrix_unit(words) ? kRightOffset : 0;
  const auto word = [offset](const std::int8_t* values) {
    word_value shifted[kWordValues];
    for (std::size_t k = 0; k < kWordValues; ++k) shifted[k] = static_cast<word_value>(values[k] + offset);
    std::int32_t packed;
    std::memcpy(&packed, shifted, sizeof packed);
    return packed;
  };
  constexpr std::int8_t kZeros[kWordValues] = {};
  interleave_rows<i32v>(
      rows, width, words, word(kZeros),
      [offset](const std::int8_t* row, std::size_t w) { return load_words(row + w * kWordValues, offset); },
      [word](const std::int8_t* row, std::size_t w) { return word(row + w * kWordValues); }, out);
}

using WordSums = i32v[kTileRows][kTileVectors];

// sums[r][v] = <q of left row r, q of the right rows in vector v>.
FASTFACE_INLINE void multiply_words(const std::int32_t* left, const RowBound* left_bounds,
                                    const std::int32_t* right, std::size_t words, WordSums& sums) {
  if (suit_matrix_unit(words)) {
    multiply_tiles<kTileRows>(left, right, words, sums[0]);
    return;
  }
#pragma GCC unroll 16
  for (std::size_t r = 0; r < kTileRows; ++r)
#pragma GCC unroll 16
    for (std::size_t v = 0; v < kTileVectors; ++v) sums[r][v] = splat(-kRightOffset * left_bounds[r].sum);
  for (std::size_t w = 0; w < words; ++w, left += kTileRows, right += kTileCols) {
    i32v columns[kTileVectors];
#pragma GCC unroll 16
    for (std::size_t v = 0; v < kTileVectors; ++v) columns[v] = load(right + v * kLanes);
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kTileRows; ++r) {
      const i32v value = splat(left[r]);
#pragma GCC unroll 16
      for (std::size_t v = 0; v < kTileVectors; ++v) sums[r][v] = accumulate(sums[r][v], value, columns[v]);
    }
  }
}

// The same for each of `panels` left panels and one right panel: finish(panel, sums).
template <class Finish>
FASTFACE_INLINE void multiply_word_strip(const PackedWords& left, std::size_t panels,
                                         const PackedWords& right, std::size_t words, Finish finish) {
  const MatrixUnit<kTileRows> unit;
  WordSums sums[2];
  std::size_t panel = 0;
  if (suit_matrix_unit(words))
    for (; panel + 2 <= panels; panel += 2) {
      multiply_tile_pairs<kTileRows>(left.words + panel * kTileRows * words, right.words, words, sums[0][0]);
      finish(panel, sums[0]);
      finish(panel + 1, sums[1]);
    }
  for (; panel < panels; ++panel) {
    const std::size_t top = panel * kTileRows;
    multiply_words(left.words + top * words, left.bounds + top, right.words, words, sums[0]);
    finish(panel, sums[0]);
  }
}

// What the product of a left row and the right rows in vector `v` says of that of their values.
FASTFACE_INLINE f32v scaled(i32v product, const RowBound& left, const PackedWords& right, std::size_t v) {
  return splat(left.scale) * (load(right.scales + v * kLanes) * to_float(product));
}

// At least the float32 inner product of a left row and the right rows in vector `v`, see above.
FASTFACE_INLINE f32v upper_bound(i32v product, const RowBound& left, const PackedWords& right,
                                 std::size_t v) {
  const std::size_t at = v * kLanes;
  const f32v slack =
      splat(left.norm) * load(right.residuals + at) + splat(left.residual) * load(right.norms + at);
  return scaled(product, left, right, v) + slack;
}

// The same for the tile that starts at left row `top`.
FASTFACE_INLINE void bound_tile(const WordSums& sums, const PackedWords& left, std::size_t top,
                                const PackedWords& right, float* tile) {
  for (std::size_t r = 0; r < kTileRows; ++r)
    for (std::size_t v = 0; v < kTileVectors; ++v)
      store(tile + r * kTileCols + v * kLanes, upper_bound(sums[r][v], left.bounds[top + r], right, v));
}

// Whether any pair of a tile may have F <= reach: the largest product of each column, with the largest
// scale, norm and residual among the left rows. Nearly always not, and then nothing else is computed.
FASTFACE_INLINE bool may_be_open(const WordSums& sums, const RowBound& peak, const PackedWords& right,
                                 float reach) {
  f32v least = splat(kInfinity);
#pragma GCC unroll 16
  for (std::size_t v = 0; v < kTileVectors; ++v) {
    i32v most = {};  // a negative product says least with the smallest scale: count it as zero
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kTileRows; ++r) most = max(sums[r][v], most);
    least = min(one_minus(upper_bound(most, peak, right, v)), least);
  }
  return any(least <= splat(reach));
}

// Appends the pairs i < j of a tile that may be near enough; `sums` are the products of its faces.
static Candidate* list_candidates(WordSums& sums, const PackedRows& left, std::size_t top,
                                  const PackedRows& right, const FusedRule& rule, const float* thresholds,
                                  const float* reaches, Candidate* end) {
  alignas(64) float faces[kTileSize];
  bound_tile(sums, left.face_words, top, right.face_words, faces);
  DistanceTile tile{left, right, rule, top, faces, nullptr};
  unsigned open[kTileRows][kTileVectors];
  unsigned n_open = 0;
  for (std::size_t r = 0; r < kTileRows; ++r)
    for (std::size_t v = 0; v < kTileVectors; ++v) {
      open[r][v] = bits(tile.face_distances(r, v) <= splat(reaches[top + r]));
      n_open += static_cast<unsigned>(__builtin_popcount(open[r][v]));
    }
  if (n_open == 0) return end;
  alignas(64) float torsos[kTileSize];
  constexpr unsigned kFewPairs = 8;  // sooner multiplied out than bounded
  if (left.torso_words.words && n_open > kFewPairs) {
    const std::size_t words = words_of(rule.torso_dims);
    multiply_words(left.torso_words.words + top * words, left.torso_words.bounds + top,
                   right.torso_words.words, words, sums);
    bound_tile(sums, left.torso_words, top, right.torso_words, torsos);
    tile.torsos = torsos;
    for (std::size_t r = 0; r < kTileRows; ++r)
      for (std::size_t v = 0; v < kTileVectors; ++v)
        open[r][v] &= bits(tile.distances(r, v) <= splat(thresholds[top + r]));
  }
  for (std::size_t r = 0; r < kTileRows; ++r)
    for (std::size_t v = 0; v < kTileVectors; ++v)
      for (unsigned found = open[r][v]; found; found &= found - 1) {
        const std::size_t c = v * kLanes + static_cast<std::size_t>(__builtin_ctz(found));
        if (left.first + top + r < right.first + c)
          *end++ = {static_cast<std::uint16_t>(top + r), static_cast<std::uint16_t>(c)};
      }
  return end;
}

static std::size_t strip_candidates(const PackedRows& left, const PackedRows& right, const FusedRule& rule,
                                    const float* thresholds, const float* reaches, Candidate* out) noexcept {
  const bool torsos_alone = left.torsos_alone || right.torsos_alone;
  Candidate* end = out;
  multiply_word_strip(
      left.face_words, panels_above_diagonal(left, right), right.face_words, words_of(rule.face_dims),
      [&](std::size_t panel, WordSums& sums) {
        const std::size_t top = panel * kTileRows;
        float reach = reaches[top];
        for (std::size_t r = 1; r < kTileRows; ++r)
          reach = reaches[top + r] > reach ? reaches[top + r] : reach;
        if (torsos_alone || may_be_open(sums, left.face_words.peaks[panel], right.face_words, reach))
          end = list_candidates(sums, left, top, right, rule, thresholds, reaches, end);
      });
  return static_cast<std::size_t>(end - out);
}

// Puts a value before those that are smaller; the last one goes.
FASTFACE_INLINE void insert_among(float value, std::int32_t place, std::size_t k, float* largest,
                                  std::int32_t* places) {
  std::size_t at = k - 1;
  for (; at > 0 && largest[at - 1] < value; --at) {
    largest[at] = largest[at - 1];
    places[at] = places[at - 1];
  }
  largest[at] = value;
  places[at] = place;
}

static void strip_largest(const PackedWords& left, std::size_t rows, const PackedWords& right,
                          std::int32_t first, std::size_t dims, const std::int32_t* ends, std::size_t k,
                          float* largest, std::int32_t* places) noexcept {
  const auto keep = [&](std::size_t row, const i32v* sums) {
    float* kept = largest + row * k;
    const float* least = kept + k - 1;
    f32v products[kTileVectors];
    unsigned larger = 0;
#pragma GCC unroll 16
    for (std::size_t v = 0; v < kTileVectors; ++v) {
      products[v] = scaled(sums[v], left.bounds[row], right, v);
      larger |= bits_above(products[v], splat(*least)) << v * kLanes;
    }
    if (larger == 0) return;  // as nearly always
    float values[kTileCols];
    std::memcpy(values, products, sizeof values);
    for (; larger; larger &= larger - 1) {
      const int column = __builtin_ctz(larger);
      if (first + column < ends[row] && values[column] > *least)
        insert_among(values[column], first + column, k, kept, places + row * k);
    }
  };
  multiply_word_strip(left, (rows + kTileRows - 1) / kTileRows, right, words_of(dims),
                      [&](std::size_t panel, WordSums& sums) {
                        const std::size_t top = panel * kTileRows;
                        for (std::size_t r = 0; r < kTileRows && top + r < rows; ++r) keep(top + r, sums[r]);
                      });
}

}  // namespace fastface::FASTFACE_TARGET
