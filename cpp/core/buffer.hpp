// Uninitialised memory aligned to a cache line, so that no vector straddles two.
#pragma once

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace fastface {

// Asks for large pages where the system gives them: the first touch of many small ones takes as long as
// what is written there, and rows read here and there miss few translations.
inline void want_large_pages([[maybe_unused]] void* data, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__)
  constexpr std::size_t kPage = std::size_t{1} << 21, kWorthIt = 2 * kPage;
  if (bytes < kWorthIt) return;
  const auto begin = (reinterpret_cast<std::uintptr_t>(data) + kPage - 1) / kPage * kPage;
  const auto end = (reinterpret_cast<std::uintptr_t>(data) + bytes) / kPage * kPage;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // what it cannot do does not matter
#endif
}

template <class T>
class BufferOf {
 public:
  BufferOf() = default;
  explicit BufferOf(std::size_t count)
      : data_(static_cast<T*>(::operator new[](count * sizeof(T), kAlignment))) {
    want_large_pages(data_.get(), count * sizeof(T));
  }

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
