// Level-1 kernels on one or two vectors.
#pragma once

#include "core/simd.hpp"

namespace fastface::FASTFACE_TARGET {

// Four accumulators hide the latency of the FMA; the order of additions depends on n and the lane
// count only, so a target always gives the same bits.
static float dot(const float* a, const float* b, std::size_t n) noexcept {
  f32v acc[4] = {};
  std::size_t k = 0;
  for (; k + 4 * kLanes <= n; k += 4 * kLanes)
    for (std::size_t u = 0; u < 4; ++u) acc[u] += load(a + k + u * kLanes) * load(b + k + u * kLanes);
  for (; k + kLanes <= n; k += kLanes) acc[0] += load(a + k) * load(b + k);
  float tail = 0;
  for (; k < n; ++k) tail += a[k] * b[k];
  return sum((acc[0] + acc[1]) + (acc[2] + acc[3])) + tail;
}

static void axpy(float a, const float* x, float* y, std::size_t n) noexcept {
  const f32v scale = splat(a);
  std::size_t k = 0;
  for (; k + kLanes <= n; k += kLanes) store(y + k, load(y + k) + scale * load(x + k));
  for (; k < n; ++k) y[k] += a * x[k];
}

static double dot_wide(const float* a, const double* b, std::size_t n) noexcept {
  f64v acc[4] = {};
  std::size_t k = 0;
  for (; k + 4 * kWideLanes <= n; k += 4 * kWideLanes)
    for (std::size_t u = 0; u < 4; ++u)
      acc[u] += load_wide(a + k + u * kWideLanes) * load(b + k + u * kWideLanes);
  double tail = 0;
  for (; k < n; ++k) tail += static_cast<double>(a[k]) * b[k];
  return sum((acc[0] + acc[1]) + (acc[2] + acc[3])) + tail;
}

static double squared_norm_wide(const double* x, std::size_t n) noexcept {
  f64v acc[4] = {};
  std::size_t k = 0;
  for (; k + 4 * kWideLanes <= n; k += 4 * kWideLanes)
    for (std::size_t u = 0; u < 4; ++u) acc[u] += load(x + k + u * kWideLanes) * load(x + k + u * kWideLanes);
  double tail = 0;
  for (; k < n; ++k) tail += x[k] * x[k];
  return sum((acc[0] + acc[1]) + (acc[2] + acc[3])) + tail;
}

static void axpy_wide(double a, const float* x, double* y, std::size_t n) noexcept {
  const f64v scale = splat(a);
  std::size_t k = 0;
  for (; k + kWideLanes <= n; k += kWideLanes) store(y + k, load(y + k) + scale * load_wide(x + k));
  for (; k < n; ++k) y[k] += a * x[k];
}

}  // namespace fastface::FASTFACE_TARGET
