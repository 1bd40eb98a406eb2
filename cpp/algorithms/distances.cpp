#include "algorithms/distances.hpp"

#include "algorithms/sides.hpp"
#include "core/kernels.hpp"
#include "core/parallel.hpp"
#include "core/watch.hpp"

namespace fastface {

void fused_distances(RowsView faces, RowsView torsos, FusedWeights weights, MatrixView<float> out,
                     std::size_t threads) {
  const Kernels& kernel = kernels();
  const Observations observations(faces, torsos, weights, false, threads);
  const std::vector<std::int32_t> order = all_rows(faces.rows);
  const Side left(observations, order, kernel.tile_rows, threads);
  const Side right(observations, order, kernel.tile_cols, threads);
  const auto write_block = [&](std::size_t begin, std::size_t end) {
    const PackedRows rows = left.view(begin, end);
    for (std::size_t panel = rows.first / kernel.tile_cols; panel < right.panels(); ++panel) {
      kernel.strip_block(rows, right.view(panel, panel + 1), observations.rule, out.data, out.cols);
      advance(rows.count * kernel.tile_cols);
    }
  };
  const Stage stage(faces.rows * faces.rows / 2);
  parallel_for(left.panels(), left.step(), threads, write_block);
  for (std::size_t i = 0; i < faces.rows; ++i) out.row(i)[i] = observations.faces.present[i] ? 0 : kInfinity;
}

}  // namespace fastface
