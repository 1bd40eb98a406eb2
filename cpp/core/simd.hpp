// With matrix_unit.hpp the only header that knows instruction sets. Everything else is written once against
// f32v and compiled once per target (CMakeLists.txt); dispatch.cpp chooses among the results at run time.
//
// GCC and Clang vector extensions give + - * < and ?: on every target; an intrinsic is allowed only
// here, behind a named function. Everything is always_inline: a function with external linkage
// compiled with AVX-512 flags might be the copy the linker keeps for everybody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#ifndef FASTFACE_TARGET
#error "simd.hpp is for kernels: compile through add_kernel_target()"
#endif

#define FASTFACE_INLINE [[gnu::always_inline]] static inline

namespace fastface::FASTFACE_TARGET {

#if defined(__AVX512F__)
inline constexpr std::size_t kLanes = 16;
#elif defined(__AVX__)
inline constexpr std::size_t kLanes = 8;
#else
inline constexpr std::size_t kLanes = 4;  // SSE2 or NEON
#endif

// Architectural vector registers: what bounds a register tile.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr std::size_t kRegisters = 32;
#else
inline constexpr std::size_t kRegisters = 16;
#endif

using f32v [[gnu::vector_size(kLanes * sizeof(float))]] = float;
using maskv = decltype(f32v{} < f32v{});  // per lane: all ones where true, else zero

FASTFACE_INLINE f32v load(const float* source) {
  f32v value;
  std::memcpy(&value, source, sizeof value);
  return value;
}

FASTFACE_INLINE void store(float* target, f32v value) { std::memcpy(target, &value, sizeof value); }

// x - 0 keeps -0.0 and costs nothing; 0 + x would need an addition per broadcast.
FASTFACE_INLINE f32v splat(float x) { return x - f32v{}; }

// The value, in a register: GCC else reads it from memory for each use.
FASTFACE_INLINE f32v in_register(f32v value) {
#if defined(__SSE2__)
  asm("" : "+v"(value));
#elif defined(__ARM_NEON)
  asm("" : "+w"(value));
#endif
  return value;
}

// sum + a * b, rounded as kernels' vectors round it. Said outright, because a compiler that vectorises
// a chain of additions multiplies first.
FASTFACE_INLINE float multiply_add(float sum, float a, float b) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fmaf(a, b, sum);
#else
  return sum + a * b;
#endif
}

#if defined(__AVX512F__)
// With this mask an intrinsic has no operand that is left undefined, of which GCC would warn.
inline constexpr __mmask16 kAll = 0xffff;
#endif

// A NaN in the first argument yields the second. That is what x86 calls a maximum, but with AVX-512
// compilers make two instructions of the comparison and the choice.
FASTFACE_INLINE f32v min(f32v a, f32v b) { return a < b ? a : b; }
#if defined(__AVX512F__)
FASTFACE_INLINE f32v max(f32v a, f32v b) {
  return reinterpret_cast<f32v>(
      _mm512_maskz_max_ps(kAll, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
}
#else
FASTFACE_INLINE f32v max(f32v a, f32v b) { return a > b ? a : b; }
#endif

// One bit per lane, lane 0 lowest.
FASTFACE_INLINE unsigned bits(maskv mask) {
#if defined(__AVX512DQ__)
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(mask));
#elif defined(__AVX__)
  return static_cast<unsigned>(_mm256_movemask_ps(reinterpret_cast<__m256>(mask)));
#elif defined(__SSE2__)
  return static_cast<unsigned>(_mm_movemask_ps(reinterpret_cast<__m128>(mask)));
#elif defined(__aarch64__)
  const uint32x4_t weight = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(reinterpret_cast<uint32x4_t>(mask), weight));
#else
  unsigned set = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) set |= (mask[lane] ? 1u : 0u) << lane;
  return set;
#endif
}

// bits(a > b), which with AVX-512 compilers make by way of a vector.
FASTFACE_INLINE unsigned bits_above(f32v a, f32v b) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), _CMP_GT_OQ);
#else
  return bits(a > b);
#endif
}

FASTFACE_INLINE bool any(maskv mask) { return bits(mask) != 0; }

using i32v [[gnu::vector_size(kLanes * sizeof(std::int32_t))]] = std::int32_t;

FASTFACE_INLINE i32v load(const std::int32_t* source) {
  i32v value;
  std::memcpy(&value, source, sizeof value);
  return value;
}

FASTFACE_INLINE void store(std::int32_t* target, i32v value) { std::memcpy(target, &value, sizeof value); }

// Writes first + lane for each set bit, rising, and returns their number. `target` has room for kLanes.
FASTFACE_INLINE std::size_t store_lanes(std::int32_t* target, std::int32_t first, unsigned bits) {
#if defined(__AVX512F__)
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i chosen = _mm512_maskz_compress_epi32(static_cast<__mmask16>(bits), lanes);
  _mm512_storeu_si512(target, _mm512_add_epi32(chosen, _mm512_set1_epi32(first)));
#else
  for (unsigned left = bits; left; left &= left - 1) *target++ = first + __builtin_ctz(left);
#endif
  return static_cast<std::size_t>(__builtin_popcount(bits));
}

FASTFACE_INLINE i32v splat(std::int32_t x) { return x - i32v{}; }
FASTFACE_INLINE i32v max(i32v a, i32v b) { return a > b ? a : b; }
FASTFACE_INLINE f32v to_float(i32v value) { return __builtin_convertvector(value, f32v); }

// kLanes bytes as floats. Compilers convert vectors of bytes one at a time.
FASTFACE_INLINE f32v load_bytes(const std::uint8_t* source) {
#if defined(__AVX512F__)
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source));
  return to_float(reinterpret_cast<i32v>(_mm512_maskz_cvtepu8_epi32(kAll, bytes)));
#elif defined(__AVX2__)
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(source));
  return to_float(reinterpret_cast<i32v>(_mm256_cvtepu8_epi32(bytes)));
#else
  std::uint32_t word;
  std::memcpy(&word, source, sizeof word);
#if defined(__SSE2__)
  const __m128i zero = _mm_setzero_si128();
  const __m128i pairs = _mm_unpacklo_epi8(_mm_cvtsi32_si128(static_cast<int>(word)), zero);
  return to_float(reinterpret_cast<i32v>(_mm_unpacklo_epi16(pairs, zero)));
#elif defined(__ARM_NEON)
  const uint16x8_t pairs = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(word)));
  return to_float(reinterpret_cast<i32v>(vmovl_u16(vget_low_u16(pairs))));
#else
  f32v values;
  for (std::size_t lane = 0; lane < kLanes; ++lane) values[lane] = source[lane];
  return values;
#endif
#endif
}

// The low byte of each lane.
FASTFACE_INLINE void store_low_bytes(std::uint8_t* target, i32v values) {
#if defined(__AVX512F__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(target),
                   _mm512_maskz_cvtepi32_epi8(kAll, reinterpret_cast<__m512i>(values)));
#else
  for (std::size_t lane = 0; lane < kLanes; ++lane) target[lane] = static_cast<std::uint8_t>(values[lane]);
#endif
}

// Inner products of small integers. A lane holds a word: kWordValues neighbouring values of one row,
// and accumulate() adds the inner product of two words to the lane. Nothing in it can saturate: where
// no instruction multiplies bytes into 32 bits, a word is two 16-bit values. (vpmaddubsw would take
// bytes, but saturates unless one side gives up a bit.)
//
// kRightOffset is what packing adds to every value of the right side: the byte multiply of x86 takes
// one unsigned side, and the signed one is what it can broadcast from memory. What the matrix unit
// multiplies has no offset.
#if defined(__AVX512VNNI__)
using word_value = std::int8_t;
inline constexpr int kRightOffset = 128;
FASTFACE_INLINE i32v accumulate(i32v sums, i32v left, i32v right) {
  return reinterpret_cast<i32v>(_mm512_dpbusd_epi32(
      reinterpret_cast<__m512i>(sums), reinterpret_cast<__m512i>(right), reinterpret_cast<__m512i>(left)));
}
#elif defined(__aarch64__)
using word_value = std::int8_t;
inline constexpr int kRightOffset = 0;
FASTFACE_INLINE i32v accumulate(i32v sums, i32v left, i32v right) {
  const auto a = reinterpret_cast<int8x16_t>(left), b = reinterpret_cast<int8x16_t>(right);
#if defined(__ARM_FEATURE_DOTPROD)
  return vdotq_s32(sums, a, b);
#else
  // Values are at most 127, so that two products fit into 16 bits.
  const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b)), high = vmull_high_s8(a, b);
  return vpadalq_s16(sums, vpaddq_s16(low, high));
#endif
}
#else
using word_value = std::int16_t;
inline constexpr int kRightOffset = 0;
FASTFACE_INLINE i32v accumulate(i32v sums, i32v left, i32v right) {
#if defined(__AVX512BW__)
  return sums + reinterpret_cast<i32v>(
                    _mm512_madd_epi16(reinterpret_cast<__m512i>(left), reinterpret_cast<__m512i>(right)));
#elif defined(__AVX2__)
  return sums + reinterpret_cast<i32v>(
                    _mm256_madd_epi16(reinterpret_cast<__m256i>(left), reinterpret_cast<__m256i>(right)));
#elif defined(__SSE2__)
  return sums + reinterpret_cast<i32v>(
                    _mm_madd_epi16(reinterpret_cast<__m128i>(left), reinterpret_cast<__m128i>(right)));
#else
  // Shifting left by 16 and back takes the low value of each word with its sign.
  return sums + (left << 16 >> 16) * (right << 16 >> 16) + (left >> 16) * (right >> 16);
#endif
}
#endif
inline constexpr std::size_t kWordValues = sizeof(std::int32_t) / sizeof(word_value);

// The words of kLanes * kWordValues neighbouring values, with `offset` added to each.
FASTFACE_INLINE i32v load_words(const std::int8_t* values, int offset) {
  using words [[gnu::vector_size(sizeof(i32v))]] = word_value;
  using bytes [[gnu::vector_size(kLanes * kWordValues)]] = std::int8_t;
  bytes narrow;
  std::memcpy(&narrow, values, sizeof narrow);
  // Without signs: bytes are meant to wrap.
  using wrapping [[gnu::vector_size(sizeof(i32v))]] = std::make_unsigned_t<word_value>;
  const auto wide = reinterpret_cast<wrapping>(__builtin_convertvector(narrow, words));
  return reinterpret_cast<i32v>(wide + static_cast<std::make_unsigned_t<word_value>>(offset));
}

// Whether integer products are faster than those of float32 by more than what it takes to use them.
#if defined(__aarch64__) && !defined(__ARM_FEATURE_DOTPROD)
inline constexpr bool kWordsPay = false;  // four instructions for 16 products, as with float32
#else
inline constexpr bool kWordsPay = true;
#endif

// Float64 arithmetic on float32 data: half as many lanes per vector.
inline constexpr std::size_t kWideLanes = kLanes / 2;
using f64v [[gnu::vector_size(kWideLanes * sizeof(double))]] = double;

FASTFACE_INLINE f64v load(const double* source) {
  f64v value;
  std::memcpy(&value, source, sizeof value);
  return value;
}

FASTFACE_INLINE void store(double* target, f64v value) { std::memcpy(target, &value, sizeof value); }

FASTFACE_INLINE f64v load_wide(const float* source) {
  float narrow [[gnu::vector_size(kWideLanes * sizeof(float))]];
  std::memcpy(&narrow, source, sizeof narrow);
  return __builtin_convertvector(narrow, f64v);
}

FASTFACE_INLINE f64v splat(double x) { return x - f64v{}; }

FASTFACE_INLINE double sum(f64v value) {
  double lanes[kWideLanes];
  store(lanes, value);
  for (std::size_t width = kWideLanes / 2; width > 0; width /= 2)
    for (std::size_t i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  return lanes[0];
}

// Pairwise, so that the order of additions is fixed for a given lane count.
FASTFACE_INLINE float sum(f32v value) {
  float lanes[kLanes];
  store(lanes, value);
  for (std::size_t width = kLanes / 2; width > 0; width /= 2)
    for (std::size_t i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  return lanes[0];
}

template <std::size_t Width, std::size_t... Lane>
FASTFACE_INLINE f32v fold_segments(f32v a, f32v b, std::index_sequence<Lane...>) {
  constexpr std::size_t kHalf = Width / 2;
  return __builtin_shufflevector(a, b, (Lane / kHalf * Width + Lane % kHalf)...) +
         __builtin_shufflevector(a, b, (Lane / kHalf * Width + Lane % kHalf + kHalf)...);
}

// The sums of kLanes vectors as one vector, in the order of additions of sum(). Overwrites them.
template <std::size_t Count = kLanes>
FASTFACE_INLINE f32v sums(f32v* values) {
  if constexpr (Count == 1) {
    return values[0];
  } else {
    for (std::size_t i = 0; i < Count / 2; ++i)
      values[i] = fold_segments<Count>(values[2 * i], values[2 * i + 1], std::make_index_sequence<kLanes>{});
    return sums<Count / 2>(values);
  }
}

template <std::size_t Step, class Vector, std::size_t... Lane>
FASTFACE_INLINE void swap_off_diagonal(Vector& a, Vector& b, std::index_sequence<Lane...>) {
  const Vector first = a;
  a = __builtin_shufflevector(first, b, (Lane & Step ? kLanes + Lane - Step : Lane)...);
  b = __builtin_shufflevector(first, b, (Lane & Step ? kLanes + Lane : Lane + Step)...);
}

// Lane c of vector r becomes lane r of vector c: 2 x 2 blocks of lanes, of pairs of lanes, ...
template <std::size_t Step = 1, class Vector>
FASTFACE_INLINE void transpose(Vector (&rows)[kLanes]) {
  if constexpr (Step < kLanes) {
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kLanes; ++r)
      if (!(r & Step)) swap_off_diagonal<Step>(rows[r], rows[r + Step], std::make_index_sequence<kLanes>{});
    transpose<2 * Step>(rows);
  }
}

}  // namespace fastface::FASTFACE_TARGET
