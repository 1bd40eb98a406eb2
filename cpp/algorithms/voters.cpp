#include "algorithms/voters.hpp"

#include <algorithm>

namespace fastface {
namespace {

// (voters.size(), dims)
std::vector<float> means_of(const RowsView& rows, const Voters& voters, std::size_t threads) {
  std::vector<float> means(voters.size() * rows.cols, 0.0f);
  constexpr std::size_t kClustersPerPiece = 64;
  parallel_for(voters.size(), kClustersPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    const RoomFor room(rows);
    for (std::size_t cluster = begin; cluster < end; ++cluster) {
      float* mean = means.data() + cluster * rows.cols;
      for (const std::int32_t voter : voters.of(cluster)) {
        const float* row = rows.row(static_cast<std::size_t>(voter), room.row());
        for (std::size_t k = 0; k < rows.cols; ++k) mean[k] += row[k];
      }
      const auto count = static_cast<float>(voters.of(cluster).size());
      for (std::size_t k = 0; k < rows.cols; ++k) mean[k] /= count;
    }
  });
  return means;
}

}  // namespace

void Voters::add(std::span<const std::int32_t> voters) {
  rows_.insert(rows_.end(), voters.begin(), voters.end());
  start_.push_back(rows_.size());
}

VotersNearby::VotersNearby(const ComparableRows& rows, const QuantisedRows& quantised, const Voters& voters,
                           std::size_t threads)
    : rows_(rows),
      quantised_(quantised),
      voters_(voters),
      means_({means_of(rows.observations.faces.matrix, voters, threads).data(), voters.size(),
              rows.observations.faces.matrix.cols},
             threads) {}

VotersNearby::Looks VotersNearby::look(std::span<const std::int32_t> listed, float threshold,
                                       std::span<const std::int32_t> before, std::size_t threads) const {
  const std::vector<std::int32_t> clusters =
      means_.nearest(quantised_, listed, kLooks, threads, 1 - (threshold + kSlack), before);
  std::vector<std::size_t> next(voters_.size() + 1, 0);
  for (const std::int32_t cluster : clusters)
    if (cluster >= 0) ++next[static_cast<std::size_t>(cluster) + 1];
  Looks looks;
  constexpr std::size_t kRowsPerPiece = 1024;
  for (std::size_t cluster = 0; cluster < voters_.size(); ++cluster) {
    const std::size_t end = next[cluster + 1] += next[cluster];
    for (std::size_t first = next[cluster]; first < end; first += kRowsPerPiece)
      looks.pieces.push_back({cluster, first, std::min(first + kRowsPerPiece, end)});
  }
  looks.rows.resize(next.back());
  for (std::size_t k = 0; k < clusters.size(); ++k)
    if (clusters[k] >= 0) looks.rows[next[static_cast<std::size_t>(clusters[k])]++] = listed[k / kLooks];
  return looks;
}

}  // namespace fastface
