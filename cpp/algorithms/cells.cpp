#include "algorithms/cells.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "algorithms/centres.hpp"
#include "algorithms/keep_nearest.hpp"
#include "algorithms/near_pairs.hpp"
#include "core/parallel.hpp"

namespace fastface {
namespace {

using Lists = std::vector<std::vector<std::int32_t>>;

class Cells {
 public:
  Cells(RowsView faces, const QuantisedRows& quantised, std::span<const std::int32_t> members,
        std::size_t threads)
      : faces_(faces),
        members_(members),
        count_(std::clamp<std::size_t>(members.size() / kRowsPerCell, 1, kMostCells)),
        threads_(threads),
        inside_(count_),
        looking_(count_) {
    fill(Centres({moved_centres(quantised).data(), count_, faces_.cols}, threads), quantised);
  }

  std::size_t count() const { return count_; }
  const std::vector<std::int32_t>& inside(std::size_t cell) const { return inside_[cell]; }
  const std::vector<std::int32_t>& looking(std::size_t cell) const { return looking_[cell]; }

 private:
  const float* row(std::int32_t index, float* room) const {
    return faces_.row(static_cast<std::size_t>(index), room);
  }

  // The directions of the means of those of the first kRowsToMove rows a centre that are nearest to each of
  // those listed first of all, if there is any.
  std::vector<float> moved_centres(const QuantisedRows& quantised) const {
    const std::size_t dims = faces_.cols;
    std::vector<float> centres(count_ * dims);
    const RoomFor room(faces_);
    for (std::size_t cell = 0; cell < count_; ++cell)
      std::copy_n(row(members_[cell], room.row()), dims, centres.data() + cell * dims);
    const auto first = members_.first(std::min(kRowsToMove * count_, members_.size()));
    const std::vector<std::int32_t> cells =
        Centres({centres.data(), count_, dims}, threads_).nearest(quantised, first, 1, threads_);
    Lists nearest(count_);
    for (std::size_t k = 0; k < first.size(); ++k)
      nearest[static_cast<std::size_t>(cells[k])].push_back(members_[k]);
    constexpr std::size_t kCellsPerPiece = 64;
    parallel_for(count_, kCellsPerPiece, threads_, [&](std::size_t begin, std::size_t end) {
      for (std::size_t cell = begin; cell < end; ++cell)
        move(std::span(centres).subspan(cell * dims, dims), nearest[cell]);
    });
    return centres;
  }

  void move(std::span<float> centre, std::span<const std::int32_t> nearest) const {
    std::vector<float> sum(centre.size(), 0.0f);
    const RoomFor room(faces_);
    for (const std::int32_t member : nearest) {
      const float* values = row(member, room.row());
      for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += values[k];
    }
    double square = 0;
    for (const float value : sum) square += static_cast<double>(value) * value;
    const auto norm = static_cast<float>(std::sqrt(square));
    constexpr float kShortest = 1e-6f;  // rows that cancel each other out have no direction
    if (norm < kShortest) return;
    for (std::size_t k = 0; k < sum.size(); ++k) centre[k] = sum[k] / norm;
  }

  void fill(const Centres& centres, const QuantisedRows& quantised) {
    const std::size_t probes = std::min(kProbes, count_);
    const std::vector<std::int32_t> cells = centres.nearest(quantised, members_, probes, threads_);
    for (std::size_t k = 0; k < members_.size(); ++k) {
      bool lies = false;
      for (const std::int32_t cell : std::span(cells).subspan(k * probes, probes)) {
        looking_[static_cast<std::size_t>(cell)].push_back(members_[k]);
        std::vector<std::int32_t>& inside = inside_[static_cast<std::size_t>(cell)];
        if (lies || inside.size() == kMostOfCell) continue;
        inside.push_back(members_[k]);
        lies = true;
      }
    }
  }

  RowsView faces_;
  std::span<const std::int32_t> members_;
  std::size_t count_, threads_;
  Lists inside_, looking_;  // by cell, in the order of the list
};

}  // namespace

std::vector<Edge> cell_pairs(const ComparableRows& rows, const QuantisedRows& quantised,
                             std::span<const std::int32_t> members, float threshold, std::size_t most,
                             std::size_t threads) {
  const Cells cells(rows.observations.faces.matrix, quantised, members, threads);
  std::vector<std::int32_t> place(rows.observations.faces.matrix.rows);
  for (std::size_t k = 0; k < members.size(); ++k) place[members[k]] = static_cast<std::int32_t>(k);

  std::vector<Edge> kept;
  std::size_t n_kept = 0;  // after keep_nearest()
  for (std::size_t begin = 0, end; begin < cells.count(); begin = end) {
    end = std::min(begin + kCellsAtOnce, cells.count());
    std::vector<std::vector<Edge>> found(end - begin);
    parallel_for(end - begin, 1, threads, [&](std::size_t first, std::size_t last) {
      for (std::size_t k = first; k < last; ++k)
        found[k] = near_pairs(rows, cells.inside(begin + k), rows, cells.looking(begin + k), threshold, 1);
    });
    for (const std::vector<Edge>& pairs : found)
      for (Edge edge : pairs) {
        if (edge.i == edge.j) continue;
        if (place[edge.i] < place[edge.j]) std::swap(edge.i, edge.j);
        kept.push_back(edge);
      }
    if (kept.size() > 2 * n_kept || end == cells.count()) {
      keep_nearest(kept, most);
      n_kept = kept.size();
    }
  }
  return kept;
}

}  // namespace fastface
