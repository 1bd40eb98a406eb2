// Many edges by ascending distance, of which the nearest are wanted while the others are not sorted yet.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/buffer.hpp"
#include "core/kernels.hpp"

namespace fastface {

// Edges spread over buckets by their distances: those of one bucket are nearer than those of the next, and
// equal ones share one. Any thread may sort any bucket at any time.
class DistanceBuckets {
 public:
  // Takes the edges' own memory to work in. Their distances are not NaN.
  DistanceBuckets(std::span<Edge> edges, std::size_t threads);

  std::size_t size() const { return start_.size() - 1; }
  // Does nothing if somebody sorts the bucket or has sorted it.
  void sort(std::size_t bucket);
  // The edges of a bucket, as soon as they are sorted.
  std::span<const Edge> sorted(std::size_t bucket);

 private:
  enum State : std::uint8_t { kUnsorted, kTaken, kSorted };

  std::span<Edge> edges_;
  BufferOf<Edge> spread_;
  std::vector<std::size_t> start_;
  std::vector<std::span<const Edge>> sorted_;
  std::vector<std::atomic<State>> states_;
};

}  // namespace fastface
