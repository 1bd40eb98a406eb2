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
