// The only header that knows instruction sets. Everything else is written once against f32v and
// compiled once per target (CMakeLists.txt); dispatch.cpp chooses among the results at run time.
//
// GCC and Clang vector extensions give + - * < and ?: on every target; an intrinsic is allowed only
// here, behind a named function. Everything is always_inline: a function with external linkage
// compiled with AVX-512 flags might be the copy the linker keeps for everybody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
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

// A NaN in the first argument yields the second.
FASTFACE_INLINE f32v min(f32v a, f32v b) { return a < b ? a : b; }
FASTFACE_INLINE f32v max(f32v a, f32v b) { return a > b ? a : b; }

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

FASTFACE_INLINE bool any(maskv mask) { return bits(mask) != 0; }

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

}  // namespace fastface::FASTFACE_TARGET
