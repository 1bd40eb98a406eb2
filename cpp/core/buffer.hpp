// Uninitialised memory aligned to a cache line, so that no vector straddles two.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace fastface {

template <class T>
class BufferOf {
 public:
  BufferOf() = default;
  explicit BufferOf(std::size_t count)
      : data_(static_cast<T*>(::operator new[](count * sizeof(T), kAlignment))) {}

  T* data() const { return data_.get(); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(T* data) const { ::operator delete[](data, kAlignment); }
  };
  std::unique_ptr<T, Free> data_;
};

using Buffer = BufferOf<float>;

}  // namespace fastface
