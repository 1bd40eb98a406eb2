// Matrices packed into panels for the GEMM kernels (kernels/gemm.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/buffer.hpp"
#include "core/rows.hpp"
#include "core/view.hpp"

namespace fastface {

struct Panels {
  Buffer values;  // ceil(rows / width) panels of width * depth, the last one filled up with zeros
  std::size_t rows = 0;
  std::size_t width = 0;
  std::size_t depth = 0;

  std::size_t count() const { return (rows + width - 1) / width; }
  const float* panel(std::size_t index) const { return values.data() + index * width * depth; }
};

// Packs all rows of a matrix, or those in `order`. Rows with present[row] == 0 are packed as zeros;
// an empty `present` means that all are present.
Panels pack(MatrixView<const float> matrix, std::size_t width, std::size_t threads);
Panels pack(const RowsView& matrix, std::span<const std::int32_t> order,
            std::span<const std::uint8_t> present, std::size_t width, std::size_t threads);

// Left panels whose rows together stay in the second-level cache while right panels stream past.
std::size_t panels_per_block(const Panels& left);

// out[i, j] = <a_i, b_j>, out being (a.rows, b.rows). Bits do not depend on `threads` (0 = one per
// core). The overload with a packed right side (width = kernels().tile_cols) spares packing it again.
void inner_products(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> out,
                    std::size_t threads);
void inner_products(MatrixView<const float> a, const Panels& b, MatrixView<float> out, std::size_t threads);

}  // namespace fastface
