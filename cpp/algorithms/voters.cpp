#include "algorithms/voters.hpp"

#include <algorithm>

#include "algorithms/keep_nearest.hpp"
#include "algorithms/near_pairs.hpp"
#include "core/parallel.hpp"

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

VotersNearby::VotersNearby(const ComparableRows& rows, const Voters& voters, std::size_t threads)
    : rows_(rows),
      voters_(voters),
      means_(means_of(rows.observations.faces.matrix, voters, threads)),
      clusters_({means_.data(), voters.size(), rows.observations.faces.matrix.cols}, "faces", threads) {}

VotersNearby::Heard VotersNearby::heard(std::span<const std::int32_t> listed, float threshold,
                                        std::span<const std::int32_t> before, std::size_t threads) const {
  // Where all may be asked only kLooks are kept on the way: a row may be near every mean.
  const std::vector<std::int32_t> all = all_rows(voters_.size());
  const bool any = std::all_of(before.begin(), before.end(), [&](std::int32_t end) {
    return static_cast<std::size_t>(end) >= voters_.size();
  });
  std::vector<Edge> near =
      any ? nearest_pairs(rows_, listed, clusters_, all, threshold + kSlack, kLooks, threads)
          : near_pairs(rows_, listed, clusters_, all, threshold + kSlack, threads);
  Heard heard{std::vector<std::vector<Edge>>(voters_.size()), near.size()};
  std::size_t place = 0;  // rows are called by theirs from here on
  for (Edge& edge : near) {
    while (listed[place] != edge.i) ++place;
    edge.i = static_cast<std::int32_t>(place);
  }
  if (!any) {
    std::erase_if(near, [&](const Edge& edge) { return edge.j >= before[static_cast<std::size_t>(edge.i)]; });
    keep_nearest(near, kLooks);
  }

  std::vector<std::vector<std::int32_t>> askers(voters_.size());
  for (const Edge& edge : near)
    askers[static_cast<std::size_t>(edge.j)].push_back(listed[static_cast<std::size_t>(edge.i)]);
  parallel_for(askers.size(), 1, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t cluster = begin; cluster < end; ++cluster)
      if (!askers[cluster].empty())
        heard.from[cluster] = near_pairs(rows_, askers[cluster], rows_, voters_.of(cluster), threshold, 1);
  });
  for (const std::vector<Edge>& edges : heard.from) heard.n_pairs += edges.size();
  return heard;
}

}  // namespace fastface
