// The inner loops of the lasso: a coordinate descent pass and a small solve for the working set, and
// the scan for atoms that belong in it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/simd.hpp"
#include "kernels/quantised.hpp"
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

static std::size_t store_pulling(const float* correlations, std::size_t j, float least, bool positive,
                                 std::int32_t* found) {
  const f32v value = load(correlations + j);
  const maskv pulling = (positive ? value : max(value, -value)) >= splat(least);
  return store_lanes(found, static_cast<std::int32_t>(j), bits(pulling));
}

static std::size_t find_pulling(const float* correlations, std::size_t n, float least, bool positive,
                                std::int32_t* found) noexcept {
  std::size_t count = 0;
  std::size_t j = 0;
  for (; j + kLanes <= n; j += kLanes)
    count += store_pulling(correlations, j, least, positive, found + count);
  for (; j < n; ++j)
    if (correlations[j] >= least || (!positive && -correlations[j] >= least))
      found[count++] = static_cast<std::int32_t>(j);
  return count;
}

static float hardest_pull(const float* correlations, std::size_t n, bool positive) noexcept {
  f32v hardest = {};
  std::size_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    const f32v value = load(correlations + j);
    hardest = max(positive ? value : max(value, -value), hardest);
  }
  float lanes[kLanes];
  store(lanes, hardest);
  for (; j < n; ++j) {
    const float pull = positive || correlations[j] > 0 ? correlations[j] : -correlations[j];
    if (pull > lanes[0]) lanes[0] = pull;
  }
  float most = 0;
  for (const float lane : lanes) most = lane > most ? lane : most;
  return most;
}

// Products of quantised rows with their scales: off by what upper_bound() (kernels/quantised.hpp) adds.
static void word_products(const PackedWords& left, std::size_t rows, const PackedWords& right,
                          std::size_t cols, std::size_t dims, float* out, std::size_t stride) noexcept {
  multiply_word_strip(left, (rows + kTileRows - 1) / kTileRows, right, words_of(dims),
                      [&](std::size_t panel, WordSums& sums) {
                        for (std::size_t r = 0, row = panel * kTileRows; r < kTileRows && row < rows;
                             ++r, ++row) {
                          alignas(64) float line[kTileCols];
                          for (std::size_t v = 0; v < kTileVectors; ++v)
                            store(line + v * kLanes, scaled(sums[r][v], left.bounds[row], right, v));
                          std::memcpy(out + row * stride, line, cols * sizeof(float));
                        }
                      });
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
