// Uninitialised float32 memory aligned to a cache line, so that no vector straddles two.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace fastface {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t count)
      : data_(static_cast<float*>(::operator new[](count * sizeof(float), kAlignment))) {}

  float* data() const { return data_.get(); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(float* data) const { ::operator delete[](data, kAlignment); }
  };
  std::unique_ptr<float, Free> data_;
};

}  // namespace fastface
