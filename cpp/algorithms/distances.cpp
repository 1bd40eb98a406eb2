#include "algorithms/distances.hpp"

#include <algorithm>
#include <utility>

#include "algorithms/sides.hpp"
#include "core/kernels.hpp"
#include "core/parallel.hpp"
#include "core/watch.hpp"

namespace fastface {

void fused_distances(MatrixView<const float> faces, MatrixView<const float> torsos, FusedWeights weights,
                     MatrixView<float> out, std::size_t threads) {
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

namespace {

// Turns one query's heap into places by rising (distance, index). Places that nothing reached, with
// index -1, go to the lowest indices at infinite distance.
void write_places(std::span<const std::int32_t> heap, std::span<const std::int32_t> unreachable,
                  float* distances, std::int64_t* indices) {
  std::vector<std::pair<float, std::int32_t>> places(heap.size());
  for (std::size_t p = 0; p < heap.size(); ++p) places[p] = {distances[p], heap[p]};
  std::sort(places.begin(), places.end());
  std::size_t next = 0;
  for (std::size_t p = 0; p < heap.size(); ++p) {
    distances[p] = places[p].first;
    indices[p] = places[p].second >= 0 ? places[p].second : unreachable[next++];
  }
}

}  // namespace

void nearest(MatrixView<const float> queries, MatrixView<const float> gallery,
             MatrixView<std::int64_t> indices, MatrixView<float> distances, std::size_t threads) {
  const Kernels& kernel = kernels();
  const CheckedRows query_rows(queries, "queries", threads);
  const CheckedRows gallery_rows(gallery, "gallery", threads);
  const Side left(query_rows, kernel.tile_rows, threads);
  const Side right(gallery_rows, kernel.tile_cols, threads);

  const std::size_t k = distances.cols;
  const std::vector<std::int32_t> anyone = all_rows(k);  // the places of a missing query
  std::vector<std::int32_t> missing;
  for (std::size_t row = 0; row < gallery.rows; ++row)
    if (!gallery_rows.present[row]) missing.push_back(static_cast<std::int32_t>(row));

  const auto search_block = [&](std::size_t begin, std::size_t end) {
    const PackedRows rows = left.view(begin, end);
    float* heaps = distances.row(rows.first);
    std::vector<std::int32_t> heap_indices(rows.count * k, -1);
    std::fill_n(heaps, rows.count * k, kInfinity);
    for (std::size_t panel = 0; panel < right.panels(); ++panel) {
      kernel.strip_nearest(rows, right.view(panel, panel + 1), queries.cols, k, heaps, heap_indices.data());
      advance(rows.count * kernel.tile_cols);
    }
    for (std::size_t r = 0; r < rows.count; ++r) {
      const std::size_t query = rows.first + r;
      write_places(std::span(heap_indices).subspan(r * k, k), query_rows.present[query] ? missing : anyone,
                   distances.row(query), indices.row(query));
    }
  };
  const Stage stage(queries.rows * gallery.rows);
  parallel_for(left.panels(), left.step(), threads, search_block);
}

}  // namespace fastface
