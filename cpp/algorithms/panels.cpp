#include "algorithms/panels.hpp"

#include <algorithm>

#include "core/kernels.hpp"
#include "core/parallel.hpp"

namespace fastface {

namespace {

// A quarter of a megabyte: the second level of every core since 2015 holds at least that.
constexpr std::size_t kBlockBytes = std::size_t{1} << 18;

// row_at(index, room): a row in float32, or null.
template <class RowAt>
Panels pack_rows(const RowsView& matrix, std::size_t rows, std::size_t width, std::size_t threads,
                 RowAt row_at) {
  const std::size_t depth = matrix.cols;
  Panels panels{{}, rows, width, depth};
  panels.values = Buffer(panels.count() * width * depth);
  constexpr std::size_t kPanelsPerPiece = 16;
  parallel_for(panels.count(), kPanelsPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<const float*> pointers(width);
    const RoomFor room(matrix, width);
    for (std::size_t panel = begin; panel < end; ++panel) {
      for (std::size_t r = 0; r < width; ++r) {
        const std::size_t row = panel * width + r;
        pointers[r] = row < rows ? row_at(row, room.row(r)) : nullptr;
      }
      kernels().pack_panel(pointers.data(), width, depth, panels.values.data() + panel * width * depth);
    }
  });
  return panels;
}

}  // namespace

Panels pack(MatrixView<const float> matrix, std::size_t width, std::size_t threads) {
  return pack_rows(matrix, matrix.rows, width, threads,
                   [&](std::size_t row, float*) { return matrix.row(row); });
}

Panels pack(const RowsView& matrix, std::span<const std::int32_t> order,
            std::span<const std::uint8_t> present, std::size_t width, std::size_t threads) {
  return pack_rows(matrix, order.size(), width, threads, [&](std::size_t index, float* room) -> const float* {
    const auto row = static_cast<std::size_t>(order[index]);
    return present.empty() || present[row] ? matrix.row(row, room) : nullptr;
  });
}

std::size_t panels_per_block(const Panels& left) {
  const std::size_t panel_bytes = std::max<std::size_t>(left.width * left.depth * sizeof(float), 1);
  return std::clamp<std::size_t>(kBlockBytes / panel_bytes, 1, 8);
}

void inner_products(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> out,
                    std::size_t threads) {
  inner_products(a, pack(b, kernels().tile_cols, threads), out, threads);
}

void inner_products(MatrixView<const float> a, const Panels& b, MatrixView<float> out, std::size_t threads) {
  const Kernels& kernel = kernels();
  const Panels left = pack(a, kernel.tile_rows, threads);
  const std::size_t block = panels_per_block(left);
  parallel_for(left.count(), block, threads, [&](std::size_t begin, std::size_t end) {
    const std::size_t first = begin * left.width;
    const std::size_t rows = std::min(a.rows, end * left.width) - first;
    for (std::size_t panel = 0; panel < b.count(); ++panel) {
      const std::size_t column = panel * b.width;
      kernel.strip_products(left.panel(begin), rows, b.panel(panel), std::min(b.width, b.rows - column),
                            b.depth, out.row(first) + column, out.cols);
    }
  });
}

}  // namespace fastface
