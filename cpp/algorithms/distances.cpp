#include "algorithms/distances.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "algorithms/panels.hpp"
#include "core/kernels.hpp"
#include "core/parallel.hpp"

namespace fastface {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Squared norms up to here cannot make an inner product overflow, by Cauchy and Schwarz.
constexpr float kLargestSquare = 1e36f;

// 1 for each row that is there, 0 for rows of zeros or of NaN.
std::vector<std::uint8_t> present_rows(MatrixView<const float> matrix, const char* name,
                                       std::size_t threads) {
  std::vector<std::uint8_t> present(matrix.rows);
  constexpr std::size_t kRowsPerPiece = 4096;
  parallel_for(matrix.rows, kRowsPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t index = begin; index < end; ++index) {
      const float* row = matrix.row(index);
      const float* row_end = row + matrix.cols;
      const float square = kernels().dot(row, row, matrix.cols);
      if (square > 0 && square <= kLargestSquare) {
        present[index] = 1;
      } else if (square == 0) {  // zeros, or values too small to be seen in a square
        present[index] = std::any_of(row, row_end, [](float x) { return x != 0; });
      } else if (!std::all_of(row, row_end, [](float x) { return std::isnan(x); })) {
        const bool finite = std::all_of(row, row_end, [](float x) { return std::isfinite(x); });
        throw std::invalid_argument(std::string(name) + ": row " + std::to_string(index) +
                                    (finite ? " is too long: expected rows of unit norm"
                                            : " has NaN or infinite values among others"));
      }
    }
  });
  return present;
}

struct Input {
  MatrixView<const float> matrix;
  std::vector<std::uint8_t> present;

  Input(MatrixView<const float> rows, const char* name, std::size_t threads)
      : matrix(rows), present(present_rows(rows, name, threads)) {}
};

// One side of a distance computation: rows in `order`, packed `width` to a panel.
class Side {
 public:
  Side(const Input& faces, const Input* torsos, std::span<const std::int32_t> order, float missing_face,
       std::size_t width, std::size_t threads)
      : faces_(pack(faces.matrix, order, faces.present, width, threads)),
        face_bias_(faces_.count() * width, kInfinity) {
    for (std::size_t r = 0; r < order.size(); ++r)
      face_bias_[r] = faces.present[static_cast<std::size_t>(order[r])] ? 0 : missing_face;
    if (!torsos) return;
    torsos_ = pack(torsos->matrix, order, torsos->present, width, threads);
    has_torso_.resize(faces_.count() * width);
    for (std::size_t r = 0; r < order.size(); ++r)
      has_torso_[r] = torsos->present[static_cast<std::size_t>(order[r])];
  }

  const Panels& faces() const { return faces_; }

  PackedRows panels(std::size_t begin, std::size_t end) const {
    const std::size_t first = begin * faces_.width;
    return {.faces = faces_.panel(begin),
            .torsos = torsos_.values.data() ? torsos_.panel(begin) : nullptr,
            .face_bias = face_bias_.data() + first,
            .has_torso = has_torso_.data() + (has_torso_.empty() ? 0 : first),
            .first = first,
            .count = std::min(faces_.rows, end * faces_.width) - first};
  }

 private:
  Panels faces_;
  Panels torsos_;
  std::vector<float> face_bias_;
  std::vector<float> has_torso_;
};

std::vector<std::int32_t> all_rows(std::size_t count) {
  std::vector<std::int32_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

void check_weight(float weight, const char* name) {
  if (!(weight >= 0 && weight < kInfinity))
    throw std::invalid_argument(std::string(name) + ": expected a finite number >= 0, got " +
                                std::to_string(weight));
}

void check_count(std::size_t rows, const char* name) {
  if (rows > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    throw std::invalid_argument(std::string(name) + ": at most 2**31 - 1 rows, got " + std::to_string(rows));
}

// Torsos matter to pairs of faces only if alpha < 1: T >= 0, so otherwise alpha * F + beta * T >= F.
bool torsos_matter(const Input& torsos, const Input& faces, FusedWeights weights, bool torsos_alone) {
  if (!torsos.matrix) return false;
  if (weights.alpha < 1) return true;
  return torsos_alone && std::find(faces.present.begin(), faces.present.end(), 0) != faces.present.end();
}

class EdgeSearch {
 public:
  EdgeSearch(const Input& faces, const Input* torsos, float missing_face, FusedWeights weights,
             float threshold)
      : faces_(faces),
        torsos_(torsos),
        missing_face_(missing_face),
        rule_{faces.matrix.cols, torsos ? torsos->matrix.cols : 0, weights.alpha, weights.beta},
        threshold_(threshold) {}

  // Edges among the `members`, in blocks by rising left row. Members rise, so edges have i < j.
  std::vector<std::vector<Edge>> find(std::span<const std::int32_t> members, std::size_t threads) const {
    const Kernels& kernel = kernels();
    const Side left(faces_, torsos_, members, missing_face_, kernel.tile_rows, threads);
    const Side right(faces_, torsos_, members, missing_face_, kernel.tile_cols, threads);
    const std::size_t panels = left.faces().count();
    const std::size_t step = panels_per_block(left.faces());
    std::vector<std::vector<Edge>> blocks((panels + step - 1) / step);
    parallel_for(panels, step, threads, [&](std::size_t begin, std::size_t end) {
      const PackedRows rows = left.panels(begin, end);
      std::vector<Edge> found(rows.count * kernel.tile_cols);
      std::vector<Edge>& block = blocks[begin / step];
      for (std::size_t panel = rows.first / kernel.tile_cols; panel < right.faces().count(); ++panel) {
        const std::size_t count =
            kernel.strip_edges(rows, right.panels(panel, panel + 1), rule_, threshold_, found.data());
        for (std::size_t e = 0; e < count; ++e)
          block.push_back({members[static_cast<std::size_t>(found[e].i)],
                           members[static_cast<std::size_t>(found[e].j)], found[e].d});
      }
    });
    return blocks;
  }

 private:
  const Input& faces_;
  const Input* torsos_;
  float missing_face_;
  FusedRule rule_;
  float threshold_;
};

// A counting sort by i. All edges of one i are in one block, by rising j.
Edges sorted(std::vector<std::vector<Edge>>& blocks, std::size_t rows) {
  std::vector<std::size_t> position(rows + 1);
  for (const auto& block : blocks)
    for (const Edge& edge : block) ++position[static_cast<std::size_t>(edge.i) + 1];
  std::partial_sum(position.begin(), position.end(), position.begin());
  Edges edges;
  edges.i.resize(position[rows]);
  edges.j.resize(position[rows]);
  edges.d.resize(position[rows]);
  for (auto& block : blocks) {
    for (const Edge& edge : block) {
      const std::size_t at = position[static_cast<std::size_t>(edge.i)]++;
      edges.i[at] = edge.i;
      edges.j[at] = edge.j;
      edges.d[at] = edge.d;
    }
    std::vector<Edge>().swap(block);
  }
  return edges;
}

// Where each run of equal groups in `order` begins, and the end.
std::vector<std::size_t> group_bounds(std::span<const std::int64_t> groups,
                                      std::span<const std::int32_t> order) {
  std::vector<std::size_t> bounds{0};
  const auto group = [&](std::size_t at) { return groups[static_cast<std::size_t>(order[at])]; };
  for (std::size_t at = 1; at < order.size(); ++at)
    if (group(at) != group(at - 1)) bounds.push_back(at);
  bounds.push_back(order.size());
  return bounds;
}

}  // namespace

Edges pairwise_edges(MatrixView<const float> faces, MatrixView<const float> torsos,
                     std::span<const std::int64_t> groups, float threshold, FusedWeights weights,
                     std::size_t threads) {
  check_count(faces.rows, "faces");
  check_weight(weights.alpha, "alpha");
  check_weight(weights.beta, "beta");
  const Input face_rows(faces, "faces", threads);
  const Input torso_rows(torsos, "torsos", threads);
  if (!std::isfinite(threshold))
    throw std::invalid_argument("threshold: expected a finite number, got " + std::to_string(threshold));
  const bool grouped = !groups.empty();
  const EdgeSearch search(face_rows,
                          torsos_matter(torso_rows, face_rows, weights, grouped) ? &torso_rows : nullptr,
                          grouped && torsos ? -kInfinity : kInfinity, weights, threshold);

  std::vector<std::int32_t> order = all_rows(faces.rows);
  if (!grouped) {
    auto blocks = search.find(order, threads);
    return sorted(blocks, faces.rows);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return groups[static_cast<std::size_t>(a)] < groups[static_cast<std::size_t>(b)];
  });
  const std::vector<std::size_t> bounds = group_bounds(groups, order);
  const auto members = [&](std::size_t group) {
    return std::span<const std::int32_t>(order).subspan(bounds[group], bounds[group + 1] - bounds[group]);
  };

  // Many small groups share the threads among them; a large group has them all to itself.
  constexpr std::size_t kLargeGroup = 1024;
  constexpr std::size_t kGroupsPerPiece = 16;
  const std::size_t n_groups = bounds.size() - 1;
  std::vector<std::vector<Edge>> blocks((n_groups + kGroupsPerPiece - 1) / kGroupsPerPiece);
  parallel_for(n_groups, kGroupsPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t group = begin; group < end; ++group) {
      if (members(group).size() < 2 || members(group).size() > kLargeGroup) continue;
      for (const auto& block : search.find(members(group), 1))
        blocks[begin / kGroupsPerPiece].insert(blocks[begin / kGroupsPerPiece].end(), block.begin(),
                                               block.end());
    }
  });
  for (std::size_t group = 0; group < n_groups; ++group)
    if (members(group).size() > kLargeGroup)
      for (auto& block : search.find(members(group), threads)) blocks.push_back(std::move(block));
  return sorted(blocks, faces.rows);
}

void fused_distances(MatrixView<const float> faces, MatrixView<const float> torsos, FusedWeights weights,
                     MatrixView<float> out, std::size_t threads) {
  check_count(faces.rows, "faces");
  check_weight(weights.alpha, "alpha");
  check_weight(weights.beta, "beta");
  const Kernels& kernel = kernels();
  const Input face_rows(faces, "faces", threads);
  const Input torso_rows(torsos, "torsos", threads);
  const Input* used_torsos = torsos_matter(torso_rows, face_rows, weights, false) ? &torso_rows : nullptr;
  const FusedRule rule{faces.cols, torsos.cols, weights.alpha, weights.beta};
  const std::vector<std::int32_t> order = all_rows(faces.rows);
  const Side left(face_rows, used_torsos, order, kInfinity, kernel.tile_rows, threads);
  const Side right(face_rows, used_torsos, order, kInfinity, kernel.tile_cols, threads);
  parallel_for(
      left.faces().count(), panels_per_block(left.faces()), threads, [&](std::size_t begin, std::size_t end) {
        const PackedRows rows = left.panels(begin, end);
        for (std::size_t panel = rows.first / kernel.tile_cols; panel < right.faces().count(); ++panel)
          kernel.strip_block(rows, right.panels(panel, panel + 1), rule, out.data, out.cols);
      });
  for (std::size_t i = 0; i < faces.rows; ++i) out.row(i)[i] = face_rows.present[i] ? 0 : kInfinity;
}

namespace {

// Turns one query's heap into rows by rising (distance, index). Places that nothing reached, with
// index -1, go to the lowest indices at infinite distance.
void write_ordered(std::span<const std::int32_t> heap, std::span<const std::int32_t> unreachable,
                   float* distances, std::int64_t* indices) {
  std::vector<std::pair<float, std::int32_t>> best(heap.size());
  for (std::size_t b = 0; b < heap.size(); ++b) best[b] = {distances[b], heap[b]};
  std::sort(best.begin(), best.end());
  std::size_t next = 0;
  for (std::size_t b = 0; b < heap.size(); ++b) {
    distances[b] = best[b].first;
    indices[b] = best[b].second >= 0 ? best[b].second : unreachable[next++];
  }
}

}  // namespace

void nearest(MatrixView<const float> queries, MatrixView<const float> gallery,
             MatrixView<std::int64_t> indices, MatrixView<float> distances, std::size_t threads) {
  check_count(gallery.rows, "gallery");
  check_count(queries.rows, "queries");
  const Kernels& kernel = kernels();
  const Input query_rows(queries, "queries", threads);
  const Input gallery_rows(gallery, "gallery", threads);
  const Side left(query_rows, nullptr, all_rows(queries.rows), kInfinity, kernel.tile_rows, threads);
  const Side right(gallery_rows, nullptr, all_rows(gallery.rows), kInfinity, kernel.tile_cols, threads);
  const std::size_t k = distances.cols;
  const std::vector<std::int32_t> everyone = all_rows(k);  // what a missing query is given
  std::vector<std::int32_t> unreachable;
  for (std::size_t row = 0; row < gallery.rows; ++row)
    if (!gallery_rows.present[row]) unreachable.push_back(static_cast<std::int32_t>(row));
  parallel_for(left.faces().count(), panels_per_block(left.faces()), threads,
               [&](std::size_t begin, std::size_t end) {
                 const PackedRows rows = left.panels(begin, end);
                 std::fill_n(distances.row(rows.first), rows.count * k, kInfinity);
                 std::vector<std::int32_t> heap_indices(rows.count * k, -1);
                 for (std::size_t panel = 0; panel < right.faces().count(); ++panel)
                   kernel.strip_nearest(rows, right.panels(panel, panel + 1), queries.cols, k,
                                        distances.row(rows.first), heap_indices.data());

                 for (std::size_t r = 0; r < rows.count; ++r) {
                   const std::size_t query = rows.first + r;
                   std::span<const std::int32_t> heap(heap_indices.data() + r * k, k);
                   write_ordered(heap, query_rows.present[query] ? unreachable : everyone,
                                 distances.row(query), indices.row(query));
                 }
               });
}

}  // namespace fastface
