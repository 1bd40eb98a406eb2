// The little that the tests of the core need: CHECK, a count of failures, repeatable embeddings.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "core/kernels.hpp"
#include "core/view.hpp"

namespace fastface::test {

inline int failures = 0;

inline void check(bool ok, const char* what, const char* file, int line) {
  if (ok) return;
  ++failures;
  std::fprintf(stderr, "%s:%d: [%s] failed: %s\n", file, line, kernels().target, what);
}

#define CHECK(condition) fastface::test::check((condition), #condition, __FILE__, __LINE__)

// Whether `call` throws std::invalid_argument with a message that contains `words`.
template <class Call>
bool refuses(Call call, std::string_view words) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return std::string_view(error.what()).find(words) != std::string_view::npos;
  }
  return false;
}

// Runs `body` once on every SIMD target of this machine.
template <class Body>
void on_every_target(Body body) {
  for (const Kernels* table : available_kernels()) {
    select_kernels(table->target);
    body();
  }
  select_kernels("");
}

// A matrix that owns its values.
struct Matrix {
  std::vector<float> values;
  std::size_t rows;
  std::size_t cols;

  Matrix(std::size_t n_rows, std::size_t n_cols) : values(n_rows * n_cols), rows(n_rows), cols(n_cols) {}
  float* row(std::size_t index) { return values.data() + index * cols; }
  const float* row(std::size_t index) const { return values.data() + index * cols; }
  MatrixView<const float> view() const { return {values.data(), rows, cols}; }
  MatrixView<float> out() { return {values.data(), rows, cols}; }
};

// splitmix64: the same values on every platform.
inline float uniform(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<float>((z ^ (z >> 31)) >> 40) / 16777216.0f - 0.5f;
}

// Unit rows in loose clusters of `per_person`, as face embeddings are.
inline Matrix embeddings(std::size_t rows, std::size_t cols, std::size_t per_person, std::uint64_t seed) {
  Matrix matrix(rows, cols);
  std::vector<float> person(cols);
  for (std::size_t r = 0; r < rows; ++r) {
    if (r % per_person == 0)
      for (float& x : person) x = uniform(seed);
    float square = 0;
    for (std::size_t k = 0; k < cols; ++k) {
      const float x = person[k] + 0.7f * uniform(seed);
      matrix.row(r)[k] = x;
      square += x * x;
    }
    for (std::size_t k = 0; k < cols; ++k) matrix.row(r)[k] /= std::sqrt(square);
  }
  return matrix;
}

// To be returned by main().
inline int result() { return failures == 0 ? 0 : 1; }

}  // namespace fastface::test
