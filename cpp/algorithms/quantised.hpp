// Rows in 8 bits beside their float32 originals: built once, compared in any subset and any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "algorithms/sides.hpp"
#include "core/buffer.hpp"
#include "core/kernels.hpp"

namespace fastface {

// A byte per value and 16 per row. Missing rows are zeros.
class QuantisedRows {
 public:
  QuantisedRows() = default;
  QuantisedRows(const CheckedRows& rows, std::size_t threads);

  explicit operator bool() const { return values_.data() != nullptr; }
  // Where the values of a row begin, filled up with zeros to a multiple of four.
  const std::int8_t* row(std::size_t index) const { return values_.data() + index * stride_; }
  const RowBound& bound(std::size_t index) const { return bounds_[index]; }

 private:
  std::size_t stride_ = 0;
  BufferOf<std::int8_t> values_;
  std::vector<RowBound> bounds_;
};

// Observations prepared for being compared (near_pairs.hpp). Their rows are borrowed.
struct ComparableRows {
  Observations observations;
  QuantisedRows faces;   // none: compared in float32 only
  QuantisedRows torsos;  // likewise, or torsos play no part

  ComparableRows(Observations checked, Quantise quantise, std::size_t threads);
  // Faces alone. Throws std::invalid_argument as pairwise_edges() does.
  ComparableRows(RowsView rows, const char* name, std::size_t threads);
};

}  // namespace fastface
