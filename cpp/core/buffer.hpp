// Uninitialised memory aligned to a cache line, so that no vector straddles two.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

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

// Leaves new elements as they are, so that the threads that write them are the first to touch them.
template <class T>
struct Uninitialised : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = Uninitialised<U>;
  };
  template <class U, class... Values>
  void construct(U* place, Values&&... values) {
    if constexpr (sizeof...(Values) > 0)
      ::new (static_cast<void*>(place)) U(std::forward<Values>(values)...);
    else
      ::new (static_cast<void*>(place)) U;
  }
};

template <class T>
using RawVector = std::vector<T, Uninitialised<T>>;

}  // namespace fastface
