// The table of kernels: one per SIMD target, all with the same contents. Kernels do not allocate,
// throw, lock or print; their preconditions are checked by the bindings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/view.hpp"

namespace fastface {

// What is known of a row x and of its 8-bit form, scale * q + a residual (kernels/quantised.hpp).
struct RowBound {
  float scale;
  float norm;        // at least |x| and |scale * q|
  float residual;    // at least the residual's norm, and what rounding may add to a product
  std::int32_t sum;  // of q
};

// Rows quantised to 8 bits, dims <= kMaxQuantisedDims, and packed like PackedRows.
inline constexpr std::size_t kMaxQuantisedDims = std::size_t{1} << 15;  // products fit into 32 bits
struct PackedWords {
  const std::int32_t* words;  // null: not quantised
  const RowBound* bounds;     // left side: per row
  const RowBound* peaks;      // left side: per panel, the largest of each
  const float* scales;        // right side: per row, as are
  const float* norms;
  const float* residuals;
};

// Packed rows of faces and torsos: one side of a strip of distances (kernels/distances.hpp). The
// left side is panels of tile_rows rows, the right side one panel of tile_cols rows.
struct PackedRows {
  const float* faces;
  const float* torsos;     // null: torsos play no part, and has_torso is not read
  const float* face_bias;  // per row: 0 with a face; else +inf, or -inf if its torso alone counts
  const float* has_torso;  // per row: 1 with a torso, else 0
  std::size_t first;       // index of the first row
  std::size_t count;       // rows that exist; those that fill the last panel have face_bias +inf
  bool torsos_alone;       // whether any face_bias is -inf
  PackedWords face_words;  // for strip_candidates, which does not read faces and torsos
  PackedWords torso_words;
};

// D = min(F, alpha * F + beta * T), see algorithms/distances.hpp.
struct FusedRule {
  std::size_t face_dims;
  std::size_t torso_dims;
  float alpha;
  float beta;
};

struct Edge {
  std::int32_t i;
  std::int32_t j;
  float d;
};

// A pair within a strip that may be near enough.
struct Candidate {
  std::uint16_t left;   // row of the left side, counted from its `first`
  std::uint16_t right;  // likewise
};

// Two rows to be compared by themselves.
struct RowPair {
  const float* left_face;
  const float* right_face;
  const float* left_torso;  // not read where torsos play no part
  const float* right_torso;
  float bias;    // sum of both rows' face_bias
  float torsos;  // product of both rows' has_torso
};

// What weigh_rows counts in: a quarter of a level.
inline constexpr float kRowUnits = 4.0f;

// Rows of a smaller photo that are made together. The last ones may be one and the same.
inline constexpr std::size_t kRowsTogether = 4;
// Row r is the sum of weights[r][k] times the row k * stride behind first[r], over k < count.
struct WeighedRows {
  const std::uint8_t* first[kRowsTogether];
  const float* weights[kRowsTogether];
  std::size_t stride, count;
};

// How far past its last entry find_pulling may write: a vector of the widest target.
inline constexpr std::size_t kFindingRoom = 16;

// A layer that mixes the channels of pixels: value c of pixel x is bias[c] plus the sum of
// rows[r][x * step + k] * weights[(r * depth + k) * n_out + c] over r < n_rows and k < depth, and 0 at
// least if `rectified`. depth is step, but kStemDepth where that is kStemStep.
struct MixedRow {
  const float* const* rows;
  std::size_t n_rows;
  std::size_t step;  // kStemStep, 16, 32 or 64
  const float* weights;
  const float* bias;
  std::size_t n_out;  // a multiple of 16
  bool rectified;
};
inline constexpr std::size_t kStemStep = 6, kStemDepth = 9;  // two and three pixels of RGB

// A layer that filters each channel by itself: pixel x is bias plus the sum of pixel x + t of rows[r] times
// weights[3 * r + t] over three rows and t < 3, and 0 at least if `rectified`.
struct FilteredRow {
  const float* const* rows;
  const float* weights;
  const float* bias;
  std::size_t n_channels;  // 16, 32 or 64, of pixels, weights and bias
  bool rectified;
};

// Channels of an image lie in blocks: [block][pixel][kBlock channels].
inline constexpr std::size_t kBlock = 16;

// A layer that makes n_out channels of a pixel's values, of which it has n_parts times `depth`:
// value k of part r of pixel p is source[r * part_step + p * pixel_step + k]. Output c is bias[c] plus
// their sum times weights[c / kBlock][r * depth + k][c % kBlock]; what is below zero is multiplied by
// slope[c], and the same place of `added` is added where there is one.
struct BlockMix {
  const float* source;
  std::size_t n_parts, part_step, depth, pixel_step;
  const float *weights, *bias, *slope;
  std::size_t n_out;  // a multiple of kBlock
  const float* added;
  float* out;
  std::size_t out_step;  // from one block to the next, of `added` too
  // Weights as split_weights() writes them, and room for as much of the pixels; null: in float32. Where
  // the target splits floats and pixels and parts lie kBlock values apart and deep.
  const std::uint16_t* halves;
  std::uint16_t* scratch;
};

// float32 as sums of two halves of 16 bits: of 16 pixels or outputs, the high and then the low halves of 32
// values.
inline constexpr std::size_t kHalves = 2 * 16 * 32;
// How many of them make up values in so many blocks.
static inline constexpr std::size_t split_tiles(std::size_t n_blocks) { return (n_blocks + 1) / 2; }

// A layer that filters each channel by itself, for one block of an image: taps of pixel (y, x) begin
// at (y * stride - pad, x * stride - pad), and count for nothing outside the image. bias, slope: as above.
struct BlockFilter {
  const float* source;
  std::size_t height, width;
  std::size_t size, stride, pad;
  const float *weights, *bias, *slope;  // size * size lines of kBlock, one, one
};

// The same layers over images of 8-bit values, in words of this target (kernels/words.hpp). The values are
// q - zero for bytes q: of what comes in, zero_in, of what goes out, zero. Steps count values.
// Output c is bias[c] + factor[c] * (start[c] + the sum of its integer products), its PReLU taken.
struct WordMix {
  const void* source;
  std::size_t n_parts, part_step, depth, pixel_step;  // depth: a multiple of 4
  const std::int32_t *weights, *start;                // of pack_word_weights
  const float *factor, *bias, *slope;
  std::size_t n_out;  // a multiple of kBlock
  int zero;
  bool plain;  // float32 goes out
  void* out;
  std::size_t out_step;
};

// Three by three taps, one pixel of padding; stride 1 or 2, images of two pixels a side at least.
struct WordFilter {
  const void* source;
  std::size_t height, width, stride;
  const float *weights, *bias, *slope;
  int zero_in, zero;
};

struct Kernels {
  const char* target;
  std::size_t lanes;           // float32 values per vector
  std::size_t tile_rows;       // rows per left panel
  std::size_t tile_cols;       // rows per right panel
  std::size_t words_per_four;  // 32-bit words that four quantised values are packed into
  bool words_pay;              // whether strip_candidates is worth its while
  bool splits_floats;          // whether mix_blocks takes halves

  // Inner product of two vectors of n float32 values.
  float (*dot)(const float* a, const float* b, std::size_t n) noexcept;
  // y += a * x over n float32 values.
  void (*axpy)(float a, const float* x, float* y, std::size_t n) noexcept;

  // n values of 16 bits in float32.
  void (*widen_halves)(const Half* x, std::size_t n, float* out) noexcept;
  // The same of 8-bit integers, divided by their norm if that is not 0.
  void (*widen_bytes)(const std::int8_t* x, std::size_t n, float* out) noexcept;

  // Packs `width` rows of `depth` values depth-major; a null row is packed as zeros.
  void (*pack_panel)(const float* const* rows, std::size_t width, std::size_t depth, float* out) noexcept;
  // out[r * stride + c] = <left row r, right row c> for r < rows, c < cols; `right` is one panel.
  void (*strip_products)(const float* left, std::size_t rows, const float* right, std::size_t cols,
                         std::size_t depth, float* out, std::size_t stride) noexcept;
  // Writes the strip's pairs i < j and their mirror images into the whole matrix `out`.
  void (*strip_block)(const PackedRows& left, const PackedRows& right, const FusedRule& rule, float* out,
                      std::size_t stride) noexcept;
  // Appends the strip's pairs i < j with D <= threshold to `out`, which has room for all of them;
  // rising j for each i. Returns their number. reach: at least the F of every such pair with faces.
  std::size_t (*strip_edges)(const PackedRows& left, const PackedRows& right, const FusedRule& rule,
                             float threshold, float reach, Edge* out) noexcept;
  // distances[p] = D of pair p, the same bits as in a strip. rule.torso_dims == 0: faces only.
  void (*pair_distances)(const RowPair* pairs, std::size_t count, const FusedRule& rule,
                         float* distances) noexcept;
  // Quantises a row of n <= kMaxQuantisedDims values to q, which is filled with zeros to a multiple
  // of four values.
  RowBound (*quantise)(const float* x, std::size_t n, std::int8_t* q) noexcept;
  // Packs `width` quantised rows for the left or the right side; a null row is packed as zeros.
  void (*pack_words)(const std::int8_t* const* rows, std::size_t width, std::size_t dims, bool right,
                     std::int32_t* out) noexcept;
  // Writes those of the strip's pairs i < j that may have D <= thresholds[i], by panels and rising
  // (i, j) within; `out` has room for all. None that is left out has. reaches: per left row, like
  // `reach` above.
  std::size_t (*strip_candidates)(const PackedRows& left, const PackedRows& right, const FusedRule& rule,
                                  const float* thresholds, const float* reaches, Candidate* out) noexcept;
  // Keeps of each of `rows` left rows the k largest products, scaled like word_products(), that it has been
  // given, and of whom they are: the panel's row c is called first + c, and counts if that is below
  // ends[row]. Largest first, the earlier of two that are equal. `largest` starts as k times a value that
  // only larger ones replace; panels arrive by rising `first`.
  void (*strip_largest)(const PackedWords& left, std::size_t rows, const PackedWords& right,
                        std::int32_t first, std::size_t dims, const std::int32_t* ends, std::size_t k,
                        float* largest, std::int32_t* places) noexcept;
  // Keeps the k nearest right rows of each left row in a max-heap by (distance, index). Strips
  // arrive by rising `right.first`; heaps start as k times (inf, -1).
  void (*strip_nearest)(const PackedRows& left, const PackedRows& right, std::size_t face_dims, std::size_t k,
                        float* distances, std::int32_t* indices) noexcept;
  // Keeps one more row in such a heap if it is among the k first by (distance, index), in any order.
  void (*keep_nearest)(float distance, std::int32_t index, std::size_t k, float* distances,
                       std::int32_t* indices) noexcept;
  // Inner product, square and axpy with float64 arithmetic, for certificates.
  double (*dot_wide)(const float* a, const double* b, std::size_t n) noexcept;
  double (*squared_norm_wide)(const double* x, std::size_t n) noexcept;
  void (*axpy_wide)(double a, const float* x, double* y, std::size_t n) noexcept;

  // out[r * stride + c] = <left[r], right[c]> for rows of `depth` values, read where they lie.
  void (*row_products)(const float* const* left, std::size_t rows, const float* const* right,
                       std::size_t cols, std::size_t depth, float* out, std::size_t stride) noexcept;

  // out[r * stride + c] = scales * <q of left row r, q of right row c> for r < rows, c < cols: rows
  // quantised by `quantise` and packed by `pack_words`. Of the left side words and bounds are read, of
  // the right side, one panel, words and scales.
  void (*word_products)(const PackedWords& left, std::size_t rows, const PackedWords& right, std::size_t cols,
                        std::size_t dims, float* out, std::size_t stride) noexcept;
  // Writes the j, ascending, with |correlations[j]| >= least (correlations[j] if `positive`); `found`
  // has room for n + kFindingRoom. Returns their number.
  std::size_t (*find_pulling)(const float* correlations, std::size_t n, float least, bool positive,
                              std::int32_t* found) noexcept;
  // The largest |correlations[j]| (correlations[j] if `positive`), 0 at least.
  float (*hardest_pull)(const float* correlations, std::size_t n, bool positive) noexcept;
  // One pass of coordinate descent for 1/2 x'Gx - c'x + threshold*|x|_1 (x >= 0 if `positive`).
  // gram: n rows of `stride` floats; gradient = c - Gx is kept current. stride is a multiple of 16
  // and the gradient as long as a row. Returns the largest change of any coordinate's own gradient.
  float (*coordinate_pass)(const float* gram, std::size_t stride, std::size_t n, float threshold,
                           bool positive, float* x, float* gradient) noexcept;
  // Solves Ax = b in place (b becomes x) by Cholesky; the upper triangle of A, n rows of `stride`
  // floats, is overwritten. An unknown whose pivot is not positive is left out: its x is 0.
  void (*solve_cholesky)(float* matrix, std::size_t stride, std::size_t n, float* b) noexcept;

  // out[x * kRowsTogether + r] = kRowUnits * value x < width of row r, to the nearest integer. Here and
  // below, weights are multiples of 2^-14 that add up to 1.
  void (*weigh_rows)(const WeighedRows& rows, std::size_t width, float* out) noexcept;
  // Pixel x < width of row r of `out` (RGB) is the sum of weights[x * count + k] * pixel first[x] + k of row
  // r of `rows` over k < count; `rows` come from weigh_rows and have room for kRowsTogether values more.
  void (*weigh_columns)(const float* rows, const std::uint32_t* first, const float* weights,
                        std::size_t count, std::size_t width, std::uint8_t* const* out) noexcept;
  // The three values of each of `width` pixels, to three rows.
  void (*spread_row)(const std::uint8_t* pixels, std::size_t width, float* red, float* green,
                     float* blue) noexcept;

  // The first `width` pixels of such rows.
  void (*mix_channels)(const MixedRow& row, std::size_t width, float* out) noexcept;
  void (*filter_channels)(const FilteredRow& row, std::size_t width, float* out) noexcept;
  // Pixel x is the largest, channel by channel, of pixels 2 * x and 2 * x + 1 of two rows.
  void (*pool_channels)(const float* above, const float* below, std::size_t n_channels, std::size_t width,
                        float* out) noexcept;

  // The first n_pixels pixels of all blocks.
  void (*mix_blocks)(const BlockMix& mix, std::size_t n_pixels) noexcept;
  // Of weights[n_in][n_out]: out[block of n_out][tile of 32 n_in][kHalves], filled up with zeros.
  void (*split_weights)(const float* weights, std::size_t n_in, std::size_t n_out,
                        std::uint16_t* out) noexcept;
  // n_rows rows of n_columns pixels of the output, from row `first` on.
  void (*filter_block_rows)(const BlockFilter& filter, std::size_t first, std::size_t n_rows,
                            std::size_t n_columns, float* out) noexcept;

  // The same in words. n: a multiple of kBlock.
  void (*store_words)(const float* values, std::size_t n, int zero, void* out) noexcept;
  // zero: of what comes in. out has room for n_in * n_out values of words, start for n_out.
  void (*pack_word_weights)(const std::int8_t* weights, std::size_t n_in, std::size_t n_out, int zero,
                            std::int32_t* out, std::int32_t* start) noexcept;
  void (*mix_words)(const WordMix& mix, std::size_t n_pixels) noexcept;
  void (*filter_word_rows)(const WordFilter& filter, std::size_t first, std::size_t n_rows,
                           std::size_t n_columns, void* out) noexcept;
};

// The best table this machine can run, or the one named by the environment variable
// FASTFACE_TARGET. Throws std::invalid_argument if that name is unknown or cannot run here.
const Kernels& kernels();

// Every table this machine can run, best first.
std::span<const Kernels* const> available_kernels();

// Makes kernels() return the table of that name from now on; empty returns to the default choice.
// For tests: not safe while another thread is inside a kernel.
void select_kernels(const char* target);

}  // namespace fastface
