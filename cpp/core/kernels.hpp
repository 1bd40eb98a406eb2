// The table of kernels: one per SIMD target, all with the same contents. Kernels do not allocate,
// throw, lock or print; their preconditions are checked by the bindings.
#pragma once

#include <cstddef>
#include <span>

namespace fastface {

struct Kernels {
  const char* target;
  std::size_t lanes;  // float32 values per vector

  // Inner product of two vectors of n float32 values.
  float (*dot)(const float* a, const float* b, std::size_t n) noexcept;
  // y += a * x over n float32 values.
  void (*axpy)(float a, const float* x, float* y, std::size_t n) noexcept;
  // The same with float64 arithmetic, for certificates.
  double (*dot_wide)(const float* a, const double* b, std::size_t n) noexcept;
  double (*squared_norm_wide)(const double* x, std::size_t n) noexcept;
  void (*axpy_wide)(double a, const float* x, double* y, std::size_t n) noexcept;

  // One pass of coordinate descent for 1/2 x'Gx - c'x + threshold*|x|_1 (x >= 0 if `positive`).
  // gram: n rows of `stride` floats; gradient = c - Gx is kept current. stride is a multiple of 16
  // and the gradient as long as a row. Returns the largest change of any coordinate's own gradient.
  float (*coordinate_pass)(const float* gram, std::size_t stride, std::size_t n, float threshold, bool positive,
                           float* x, float* gradient) noexcept;
  // Solves Ax = b in place (b becomes x) by Cholesky; the upper triangle of A, n rows of `stride`
  // floats, is overwritten. An unknown that depends on earlier ones (pivot below 1e-5 of its
  // diagonal) is left out: its x is 0.
  void (*solve_cholesky)(float* matrix, std::size_t stride, std::size_t n, float* b) noexcept;
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
