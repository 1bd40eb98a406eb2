// Borrowed views of caller-owned memory: what crosses every function boundary of the core.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastface {

enum class Half : std::uint16_t {};  // the bits of an IEEE 754 binary16

// C-contiguous rows. An absent matrix (no torsos given, say) has data == nullptr.
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;

  [[gnu::always_inline]] T* row(std::size_t index) const { return data + index * cols; }
  [[gnu::always_inline]] explicit operator bool() const { return data != nullptr; }
};

}  // namespace fastface
