// The two inner loops of the lasso's working set: a coordinate descent pass and a small solve.
#pragma once

#include "core/simd.hpp"
#include "kernels/vector.hpp"

namespace fastface::FASTFACE_TARGET {

static float coordinate_pass(const float* gram, std::size_t stride, std::size_t n, float threshold,
                             bool positive, float* x, float* gradient) noexcept {
  float largest = 0;
  for (std::size_t j = 0; j < n; ++j) {
    const float* row = gram + j * stride;
    const float diagonal = row[j];
    if (!(diagonal > 0)) continue;  // a zero atom explains nothing
    const float pull = gradient[j] + diagonal * x[j];
    float shrunk = 0;
    if (pull > threshold)
      shrunk = pull - threshold;
    else if (!positive && pull < -threshold)
      shrunk = pull + threshold;
    const float updated = shrunk / diagonal;
    const float change = updated - x[j];
    if (change == 0) continue;
    x[j] = updated;
    const f32v scale = splat(change);
    for (std::size_t k = 0; k < n; k += kLanes)
      store(gradient + k, load(gradient + k) - scale * load(row + k));
    const float size = (change < 0 ? -change : change) * diagonal;
    if (size > largest) largest = size;
  }
  return largest;
}

// LDL', right-looking, so that every inner loop runs along a row of the upper triangle.
static void solve_cholesky(float* matrix, std::size_t stride, std::size_t n, float* b) noexcept {
  for (std::size_t j = 0; j < n; ++j) {
    float* row = matrix + j * stride;
    if (!(row[j] > 0)) row[j] = 0;
    if (row[j] == 0) continue;
    for (std::size_t i = j + 1; i < n; ++i) {
      const float factor = row[i] / row[j];
      if (factor == 0) continue;
      axpy(-factor, row + i, matrix + i * stride + i, n - i);
      b[i] -= factor * b[j];
    }
  }
  for (std::size_t j = n; j-- > 0;) {
    const float* row = matrix + j * stride;
    b[j] = row[j] > 0 ? (b[j] - dot(row + j + 1, b + j + 1, n - j - 1)) / row[j] : 0;
  }
}

}  // namespace fastface::FASTFACE_TARGET
