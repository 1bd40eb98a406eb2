#include "algorithms/cells.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "algorithms/keep_nearest.hpp"
#include "algorithms/near_pairs.hpp"
#include "algorithms/nearest.hpp"
#include "core/parallel.hpp"

namespace fastface {
namespace {

using Lists = std::vector<std::vector<std::int32_t>>;

class Cells {
 public:
  Cells(const ComparableRows& rows, std::span<const std::int32_t> members, std::size_t threads)
      : rows_(rows),
        members_(members),
        dims_(rows.observations.faces.matrix.cols),
        count_(std::clamp<std::size_t>(members.size() / kRowsPerCell, 1, kMostCells)),
        centres_(count_ * dims_),
        threads_(threads) {
    const RoomFor room(rows.observations.faces.matrix);
    for (std::size_t cell = 0; cell < count_; ++cell)
      std::copy_n(row(members[cell], room.row()), dims_, centre(cell));
    move_centres(nearest_centres(1));
    const std::size_t probes = std::min(kProbes, count_);
    const std::vector<std::int64_t> cells = nearest_centres(probes);
    inside_.resize(count_);
    looking_.resize(count_);
    for (std::size_t k = 0; k < members.size(); ++k) {
      std::vector<std::int32_t>& cell = inside_[static_cast<std::size_t>(cells[k * probes])];
      if (cell.size() < kMostOfCell) cell.push_back(members[k]);
      for (std::size_t p = 0; p < probes; ++p)
        looking_[static_cast<std::size_t>(cells[k * probes + p])].push_back(members[k]);
    }
  }

  std::size_t count() const { return count_; }
  const std::vector<std::int32_t>& inside(std::size_t cell) const { return inside_[cell]; }
  const std::vector<std::int32_t>& looking(std::size_t cell) const { return looking_[cell]; }

 private:
  const float* row(std::int32_t index, float* room) const {
    return rows_.observations.faces.matrix.row(static_cast<std::size_t>(index), room);
  }
  float* centre(std::size_t cell) { return centres_.data() + cell * dims_; }

  // The `probes` nearest of each member, (members, probes).
  std::vector<std::int64_t> nearest_centres(std::size_t probes) const {
    const ComparableRows centres({centres_.data(), count_, dims_}, "faces", threads_);
    std::vector<std::int64_t> cells(members_.size() * probes);
    std::vector<float> distances(cells.size());
    nearest(rows_, members_, centres, {cells.data(), members_.size(), probes},
            {distances.data(), members_.size(), probes}, threads_);
    return cells;
  }

  // To the directions of the means of the rows that are in each cell, if there is any.
  void move_centres(const std::vector<std::int64_t>& cells) {
    Lists inside(count_);
    for (std::size_t k = 0; k < members_.size(); ++k)
      inside[static_cast<std::size_t>(cells[k])].push_back(members_[k]);
    constexpr std::size_t kCellsPerPiece = 64;
    parallel_for(count_, kCellsPerPiece, threads_, [&](std::size_t begin, std::size_t end) {
      std::vector<float> sum(dims_);
      const RoomFor room(rows_.observations.faces.matrix);
      for (std::size_t cell = begin; cell < end; ++cell) {
        std::fill(sum.begin(), sum.end(), 0.0f);
        for (const std::int32_t member : inside[cell]) {
          const float* values = row(member, room.row());
          for (std::size_t k = 0; k < dims_; ++k) sum[k] += values[k];
        }
        double square = 0;
        for (const float value : sum) square += static_cast<double>(value) * value;
        const auto norm = static_cast<float>(std::sqrt(square));
        constexpr float kShortest = 1e-6f;  // rows that cancel each other out have no direction
        if (norm < kShortest) continue;
        for (std::size_t k = 0; k < dims_; ++k) centre(cell)[k] = sum[k] / norm;
      }
    });
  }

  const ComparableRows& rows_;
  std::span<const std::int32_t> members_;
  std::size_t dims_, count_;
  std::vector<float> centres_;
  std::size_t threads_;
  Lists inside_, looking_;  // by cell, in the order of the list
};

}  // namespace

std::vector<Edge> cell_pairs(const ComparableRows& rows, std::span<const std::int32_t> members,
                             float threshold, std::size_t most, std::size_t threads) {
  const Cells cells(rows, members, threads);
  std::vector<std::int32_t> place(rows.observations.faces.matrix.rows);
  for (std::size_t k = 0; k < members.size(); ++k) place[members[k]] = static_cast<std::int32_t>(k);

  std::vector<Edge> kept;
  std::size_t n_kept = 0;  // after keep_nearest()
  for (std::size_t begin = 0, end; begin < cells.count(); begin = end) {
    end = std::min(begin + kCellsAtOnce, cells.count());
    std::vector<std::vector<Edge>> found(end - begin);
    parallel_for(end - begin, 1, threads, [&](std::size_t first, std::size_t last) {
      for (std::size_t k = first; k < last; ++k)
        found[k] = near_pairs(rows, cells.looking(begin + k), rows, cells.inside(begin + k), threshold, 1);
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
