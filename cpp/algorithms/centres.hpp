// The centres that are nearest to rows, by products of their 8-bit forms alone: for choices that need
// not be exact, but the same everywhere, as these products are but for the scales.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "algorithms/quantised.hpp"
#include "core/buffer.hpp"
#include "core/kernels.hpp"
#include "core/view.hpp"

namespace fastface {

class Centres {
 public:
  // Rows of kMaxQuantisedDims values at most, of about one length: nearest is whose product is largest.
  Centres(MatrixView<const float> centres, std::size_t threads);

  // The k nearest of each listed row, (listed.size(), k), nearest first, the earlier of two with one
  // product; -1 where there are fewer. least: of the products, none smaller counts. ends: of each row, only
  // the centres before that one count; or empty.
  std::vector<std::int32_t> nearest(const QuantisedRows& rows, std::span<const std::int32_t> listed,
                                    std::size_t k, std::size_t threads,
                                    float least = -std::numeric_limits<float>::max(),
                                    std::span<const std::int32_t> ends = {}) const;

 private:
  PackedWords panel(std::size_t first) const;

  std::size_t count_, dims_;
  BufferOf<std::int32_t> words_;  // panels of tile_cols
  std::vector<float> scales_;
};

}  // namespace fastface
