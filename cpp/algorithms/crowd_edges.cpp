#include "algorithms/crowd_edges.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "algorithms/cells.hpp"
#include "algorithms/disjoint_sets.hpp"
#include "algorithms/linkage.hpp"
#include "algorithms/near_pairs.hpp"
#include "algorithms/quantised.hpp"
#include "algorithms/sides.hpp"
#include "algorithms/sort_edges.hpp"
#include "algorithms/visiting_order.hpp"
#include "algorithms/voters.hpp"
#include "core/parallel.hpp"
#include "core/watch.hpp"

namespace fastface {
namespace {

constexpr std::size_t kCrowd = 8;  // members in the sample
constexpr std::size_t kRival = 4;  // smaller clusters that keep rows from joining a crowd
constexpr std::size_t kMost = 4;   // times max_members: edges that a row keeps
constexpr std::size_t kAll = 16;   // times first_sample: of so many rows all pairs are compared

constexpr std::int32_t kFree = -1;

// Rows that listen to crowds at a time: many, so that many of them listen to the same.
constexpr std::size_t kRowsAtOnce = std::size_t{1} << 17;

// One group of rows.
class Search {
 public:
  // crowd_of, place: n entries of scratch.
  Search(const CrowdProblem& problem, const ComparableRows& rows, const QuantisedRows& quantised,
         std::vector<std::int32_t>& crowd_of, std::vector<std::int32_t>& place, CrowdEdges& result)
      : problem_(problem),
        rows_(rows),
        quantised_(quantised),
        whole_(2 * std::min(problem.first_sample, problem.faces.rows)),
        most_(kMost * std::min(problem.max_members, problem.faces.rows)),
        all_(kAll * std::min(problem.first_sample, problem.faces.rows)),
        crowd_of_(crowd_of),
        place_(place),
        result_(result) {}

  // members: in visiting order.
  void run(std::span<const std::int32_t> members, std::vector<Edge>& edges) {
    std::vector<std::int32_t> free = first_of_each(members);
    const std::vector<std::int32_t> apart = take_apart(free);
    for (std::size_t size = problem_.first_sample; quantised_ && 2 * size <= free.size(); size *= 2) {
      {
        const Stage stage = before(n_pairs_among(size), n_pairs_among(free.size()));
        find_crowds(std::span(free).first(size));
      }
      {
        const auto rest = std::span(free).subspan(size);
        const Stage stage = before(n_pairs_heard(rest.size(), level_), n_pairs_among(free.size()));
        join(rest);
      }
      for (std::size_t crowd = 0; crowd < n_new_; ++crowd) crowds_.add(level_.of(crowd));
      std::erase_if(free, [&](std::int32_t row) { return crowd_of_[row] != kFree; });
    }
    free.insert(free.end(), apart.begin(), apart.end());
    add_followers(members, free);
    for (const std::int32_t row : free) result_.voters[row] = 1;
    for (const std::int32_t row : crowds_.all()) result_.voters[row] = 1;
    {
      const Stage stage = before(n_pairs_among(free.size()), n_pairs_heard(free.size(), crowds_));
      append(edges, edges_among(free, problem_.threshold));
    }
    const Stage stage(n_pairs_heard(free.size(), crowds_));
    hear_crowds(std::move(free), edges);
  }

 private:
  // How many pairs edges_among() and VotersNearby compare, roughly: to tell how far the search is.
  std::uint64_t n_pairs_among(std::size_t rows) const { return rows * std::min(rows, all_) / 2; }
  std::uint64_t n_pairs_heard(std::size_t rows, const Voters& clusters) const {
    return rows * (clusters.size() + std::min(problem_.max_members, clusters.all().size()));
  }

  // So many pairs now, so many later.
  static Stage before(std::uint64_t now, std::uint64_t later) {
    return Stage(now, static_cast<double>(now + 1) / static_cast<double>(now + later + 1));
  }

  // All are free. Of rows that are together the first is returned.
  std::vector<std::int32_t> first_of_each(std::span<const std::int32_t> members) {
    for (const std::int32_t row : members) crowd_of_[row] = kFree;
    if (problem_.together.empty()) return {members.begin(), members.end()};
    std::vector<std::int32_t> first;
    for (const std::int32_t row : members)
      if (first_.emplace(problem_.together[row], row).second) first.push_back(row);
    return first;
  }

  // The others of the rows that are together with those that stayed free.
  void add_followers(std::span<const std::int32_t> members, std::vector<std::int32_t>& free) const {
    if (problem_.together.empty()) return;
    for (const std::int32_t row : members)
      if (const std::int32_t first = first_.at(problem_.together[row]);
          first != row && crowd_of_[first] == kFree)
        free.push_back(row);
  }

  // Removes the rows that no crowd may take in, and returns them.
  std::vector<std::int32_t> take_apart(std::vector<std::int32_t>& rows) const {
    const auto stays = [&](std::int32_t row) { return problem_.apart.empty() || !problem_.apart[row]; };
    const auto middle = std::stable_partition(rows.begin(), rows.end(), stays);
    std::vector<std::int32_t> apart(middle, rows.end());
    rows.erase(middle, rows.end());
    return apart;
  }

  static void append(std::vector<Edge>& edges, const std::vector<Edge>& more) {
    edges.insert(edges.end(), more.begin(), more.end());
  }

  // The edges among rows, of which more than whole_ keep the nearest of those listed before them, and
  // more than all_ those that share a cell with them.
  std::vector<Edge> edges_among(std::span<const std::int32_t> members, float threshold) const {
    if (members.size() <= whole_) return near_pairs(rows_, members, threshold, problem_.threads);
    if (members.size() > all_ && quantised_)
      return cell_pairs(rows_, quantised_, members, threshold, most_, problem_.threads);
    const std::vector<std::int32_t> last_first(members.rbegin(), members.rend());
    return nearest_pairs(rows_, last_first, threshold, most_, problem_.threads);
  }

  // Clusters a sample: level_ becomes its crowds, n_new_ of them, and then their rivals.
  void find_crowds(std::span<const std::int32_t> sample) {
    const std::vector<Merge> merges = cluster(sample);
    DisjointSets sets(sample.size());
    for (const Merge& merge : merges) sets.attach(merge.a, merge.b);
    std::vector<std::vector<std::int32_t>> clusters(sample.size());  // by root, in visiting order
    for (std::size_t k = 0; k < sample.size(); ++k)
      clusters[sets.find(static_cast<std::int32_t>(k))].push_back(sample[k]);

    level_ = Voters();
    const auto choose = [&](std::span<const std::int32_t> members) {
      level_.add(members.first(std::min(members.size(), problem_.max_members)));
    };
    for (const auto& members : clusters) {
      if (members.size() < kCrowd) continue;
      for (const std::int32_t row : members)
        crowd_of_[row] = static_cast<std::int32_t>(crowds_.size() + level_.size());
      choose(members);
    }
    n_new_ = level_.size();
    for (const auto& members : clusters)
      if (members.size() >= kRival && members.size() < kCrowd) choose(members);
    for (const Merge& merge : merges)
      if (crowd_of_[sample[merge.a]] != kFree)
        result_.joined.push_back({sample[merge.a], sample[merge.b], merge.distance});
  }

  std::vector<Edge> edges_of_sample(std::span<const std::int32_t> sample) const {
    const Stage stage(n_pairs_among(sample.size()), 0.9);  // the rest is for merging
    return edges_among(sample, problem_.crowd_threshold);
  }

  // The merges of a sample, named by position.
  std::vector<Merge> cluster(std::span<const std::int32_t> sample) {
    for (std::size_t k = 0; k < sample.size(); ++k) place_[sample[k]] = static_cast<std::int32_t>(k);
    std::vector<Edge> edges = edges_of_sample(sample);
    std::vector<std::int32_t> i(edges.size()), j(edges.size());
    std::vector<float> d(edges.size());
    for (std::size_t k = 0; k < edges.size(); ++k) {
      std::tie(i[k], j[k]) = std::minmax(place_[edges[k].i], place_[edges[k].j]);
      d[k] = edges[k].d;
    }
    std::vector<Edge>().swap(edges);
    const std::vector<CutStep> cut{{1, problem_.crowd_threshold}};
    return median_merges(
        {.n = sample.size(), .i = i, .j = j, .distance = d, .cut = cut, .threads = problem_.threads});
  }

  // Rows join the crowd whose median is least, the earlier one in a draw, unless a rival's is less.
  void join(std::span<const std::int32_t> rows) {
    if (n_new_ == 0) return;
    const VotersNearby nearby(rows_, quantised_, level_, problem_.threads);
    for (std::size_t begin = 0; begin < rows.size(); begin += kRowsAtOnce) {
      const auto block = rows.subspan(begin, std::min(kRowsAtOnce, rows.size() - begin));
      join_nearest(block, nearby.heard(block, problem_.crowd_threshold, {}, problem_.threads,
                                       [&](std::size_t cluster, std::vector<Edge>& heard) {
                                         keep_medians(heard, level_.of(cluster).size());
                                       }));
    }
  }

  // Of what rows heard of one cluster, an edge each to the nearest voter, with the median for its
  // distance: half of the voters make the lower median.
  static void keep_medians(std::vector<Edge>& heard, std::size_t n_voters) {
    const std::size_t middle = (n_voters - 1) / 2;
    std::vector<float> distances;
    std::size_t kept = 0;
    for (std::size_t begin = 0, end; begin < heard.size(); begin = end) {
      std::size_t nearest = begin;
      distances.clear();
      for (end = begin; end < heard.size() && heard[end].i == heard[begin].i; ++end) {
        distances.push_back(heard[end].d);
        if (heard[end].d < heard[nearest].d) nearest = end;
      }
      if (distances.size() <= middle) continue;
      const auto median = distances.begin() + static_cast<std::ptrdiff_t>(middle);
      std::nth_element(distances.begin(), median, distances.end());
      heard[kept++] = {heard[nearest].i, heard[nearest].j, *median};
    }
    heard.resize(kept);
  }

  // medians: of some rows to clusters of level_.
  void join_nearest(std::span<const std::int32_t> rows, const std::vector<VotersNearby::Heard>& medians) {
    struct Nearest {
      std::size_t cluster;
      Edge edge;
    };
    std::vector<Nearest> nearest(rows.size(), {level_.size(), {0, 0, kInfinity}});
    for (std::size_t k = 0; k < rows.size(); ++k) place_[rows[k]] = static_cast<std::int32_t>(k);
    for (const auto& [cluster, edges] : medians)
      for (const Edge& edge : edges)
        if (Nearest& best = nearest[place_[edge.i]]; edge.d < best.edge.d) best = {cluster, edge};
    for (const auto& [cluster, edge] : nearest) {
      if (cluster >= n_new_) continue;
      crowd_of_[edge.i] = static_cast<std::int32_t>(crowds_.size() + cluster);
      result_.joined.push_back(edge);
    }
  }

  // The edges of free rows to the voters of crowds, and of those to the voters of earlier crowds.
  void hear_crowds(std::vector<std::int32_t> rows, std::vector<Edge>& edges) const {
    if (crowds_.size() == 0) return;
    rows.insert(rows.end(), crowds_.all().begin(), crowds_.all().end());
    std::vector<std::int32_t> before;
    for (const std::int32_t row : rows)
      before.push_back(crowd_of_[row] == kFree ? static_cast<std::int32_t>(crowds_.size()) : crowd_of_[row]);
    const VotersNearby nearby(rows_, quantised_, crowds_, problem_.threads);
    for (std::size_t begin = 0; begin < rows.size(); begin += kRowsAtOnce) {
      const std::size_t count = std::min(kRowsAtOnce, rows.size() - begin);
      for (const VotersNearby::Heard& heard :
           nearby.heard(std::span(rows).subspan(begin, count), problem_.threshold,
                        std::span(before).subspan(begin, count), problem_.threads, [](auto&&...) {}))
        append(edges, heard.edges);
    }
  }

  const CrowdProblem& problem_;
  const ComparableRows& rows_;
  const QuantisedRows& quantised_;  // none: too wide, there are no crowds and no cells
  std::size_t whole_;               // so few rows keep all their edges
  std::size_t most_;
  std::size_t all_;                                       // so many rows are compared each with each
  std::vector<std::int32_t>& crowd_of_;                   // of this group's rows
  std::vector<std::int32_t>& place_;                      // scratch: of some rows in a list
  std::unordered_map<std::int64_t, std::int32_t> first_;  // by id, of rows that are together
  Voters crowds_;
  Voters level_;  // the crowds of a sample, then their rivals
  std::size_t n_new_ = 0;
  CrowdEdges& result_;
};

}  // namespace

CrowdEdges crowd_edges(const CrowdProblem& problem) {
  const RowsView faces = problem.faces;
  const ComparableRows rows(faces, "faces", problem.threads);
  QuantisedRows made;  // where rows are compared in float32 only
  if (!rows.faces && faces.cols <= kMaxQuantisedDims)
    made = QuantisedRows(rows.observations.faces, problem.threads);
  const QuantisedRows& quantised = rows.faces ? rows.faces : made;
  std::vector<std::int32_t> order = all_rows(faces.rows);
  std::erase_if(order, [&](std::int32_t row) { return !rows.observations.faces.present[row]; });
  sort_by_visit(order, problem.seed, problem.threads);
  const std::span<const std::int64_t> groups = problem.groups;
  if (!groups.empty())
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return groups[a] < groups[b]; });

  CrowdEdges result;
  result.voters.assign(faces.rows, 0);
  std::vector<Edge> edges;
  std::vector<std::int32_t> crowd_of(faces.rows), place(faces.rows);
  for (auto begin = order.begin(), end = begin; begin != order.end(); begin = end) {
    end = groups.empty() ? order.end() : std::find_if(begin, order.end(), [&](std::int32_t row) {
      return groups[row] != groups[*begin];
    });
    const Stage stage(0, static_cast<double>(end - begin) / static_cast<double>(order.end() - begin));
    Search(problem, rows, quantised, crowd_of, place, result).run({begin, end}, edges);
  }
  for (Edge& edge : edges)
    if (edge.i > edge.j) std::swap(edge.i, edge.j);
  sort_by_ends(edges, faces.rows);
  for (auto* side : {&result.edges.i, &result.edges.j}) side->reserve(edges.size());
  result.edges.d.reserve(edges.size());
  Breath breath;
  for (const Edge& edge : edges) {
    breath();
    result.edges.i.push_back(edge.i);
    result.edges.j.push_back(edge.j);
    result.edges.d.push_back(edge.d);
  }
  return result;
}

}  // namespace fastface
