#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "algorithms/panels.hpp"
#include "algorithms/sort_edges.hpp"
#include "algorithms/visiting_order.hpp"
#include "algorithms/voters.hpp"
#include "core/parallel.hpp"

namespace fastface {
namespace {

constexpr std::size_t kBlock = 1024;  // rows of distances held at once: 4 MiB against a block of voters
constexpr std::size_t kRowsPerPiece = 64;

struct Heard {
  std::int32_t voter;
  float d;
  bool operator<(const Heard& other) const { return d != other.d ? d < other.d : voter < other.voter; }
};

// A copy of some rows, and their packed form for the right side of a product.
class Rows {
 public:
  Rows(MatrixView<const float> faces, std::span<const std::int32_t> rows)
      : cols_(faces.cols), rows_(rows.begin(), rows.end()) {
    for (const std::int32_t row : rows) values_.insert(values_.end(), faces.row(row), faces.row(row) + cols_);
  }
  MatrixView<const float> view() const { return {values_.data(), rows_.size(), cols_}; }
  Panels packed(std::size_t threads) const { return pack(view(), kernels().tile_cols, threads); }
  std::size_t size() const { return rows_.size(); }
  std::int32_t operator[](std::size_t k) const { return rows_[k]; }

 private:
  std::size_t cols_;
  std::vector<std::int32_t> rows_;
  std::vector<float> values_;
};

// One group, its rows in visiting order.
class Crowd {
 public:
  Crowd(MatrixView<const float> faces, float threshold, std::size_t max_members, std::size_t threads)
      : faces_(faces), threshold_(threshold), max_members_(max_members), threads_(threads) {}

  void visit(std::span<const std::int32_t> rows, VoterEdges& result, std::vector<Edge>& edges) {
    for (std::size_t k = 0; k < rows.size(); k += kBlock)
      elect(rows.subspan(k, std::min(kBlock, rows.size() - k)), result.voters, edges);
    const std::span<const std::int32_t> others(others_);
    for (std::size_t k = 0; k < others.size(); k += kBlock)
      listen(others.subspan(k, std::min(kBlock, others.size() - k)), edges);
  }

 private:
  struct Voters {
    std::vector<std::int32_t> rows;
    Panels panels;
  };

  // Calls visit(row, distances to the voters of one block, their rows) for every row and block.
  template <class Visit>
  void against(const Rows& block, const Voters& voters, Visit visit) {
    products_.resize(block.size() * voters.rows.size());
    const MatrixView<float> out{products_.data(), block.size(), voters.rows.size()};
    inner_products(block.view(), voters.panels, out, threads_);
    parallel_for(block.size(), kRowsPerPiece, threads_, [&](std::size_t begin, std::size_t end) {
      for (std::size_t r = begin; r < end; ++r) visit(r, out.row(r), voters.rows);
    });
  }

  // As pairwise_edges: clipped, so that equal rows are at 0.
  static float distance(float product) { return std::max(0.0f, 1 - product); }

  // Decides who of a block votes; a voter's edges lead to the voters before it.
  void elect(std::span<const std::int32_t> rows, std::vector<std::uint8_t>& voters,
             std::vector<Edge>& edges) {
    const Rows block(faces_, rows);
    std::vector<std::vector<Heard>> heard(rows.size());
    for (const Voters& before : voters_) {
      against(block, before,
              [&](std::size_t r, const float* products, const std::vector<std::int32_t>& names) {
                for (std::size_t v = 0; v < names.size() && heard[r].size() < max_members_; ++v)
                  if (const float d = distance(products[v]); d <= threshold_)
                    heard[r].push_back({names[v], d});
              });
    }
    std::vector<std::int32_t> elected;
    const Voters self{{rows.begin(), rows.end()}, block.packed(threads_)};
    products_.resize(rows.size() * rows.size());
    const MatrixView<float> out{products_.data(), rows.size(), rows.size()};
    inner_products(block.view(), self.panels, out, threads_);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      for (std::size_t q = 0; q < r && heard[r].size() < max_members_; ++q)
        if (const float d = distance(out.row(r)[q]); voters[rows[q]] && d <= threshold_)
          heard[r].push_back({rows[q], d});
      if (heard[r].size() >= max_members_) {
        others_.push_back(rows[r]);
        continue;
      }
      voters[rows[r]] = 1;
      elected.push_back(rows[r]);
      add_edges(rows[r], heard[r], edges);
    }
    if (!elected.empty()) voters_.push_back({elected, Rows(faces_, elected).packed(threads_)});
  }

  // The nearest voters of those who are none.
  void listen(std::span<const std::int32_t> rows, std::vector<Edge>& edges) {
    const Rows block(faces_, rows);
    const std::size_t most = most_heard(max_members_);
    std::vector<std::vector<Heard>> heard(rows.size());
    for (const Voters& voters : voters_) {
      against(block, voters,
              [&](std::size_t r, const float* products, const std::vector<std::int32_t>& names) {
                for (std::size_t v = 0; v < names.size(); ++v)
                  if (const float d = distance(products[v]); d <= threshold_)
                    heard[r].push_back({names[v], d});
                if (heard[r].size() <= most) return;
                std::nth_element(heard[r].begin(), heard[r].begin() + static_cast<std::ptrdiff_t>(most),
                                 heard[r].end());
                heard[r].resize(most);
              });
    }
    for (std::size_t r = 0; r < rows.size(); ++r) add_edges(rows[r], heard[r], edges);
  }

  static void add_edges(std::int32_t row, const std::vector<Heard>& heard, std::vector<Edge>& edges) {
    for (const auto& [voter, d] : heard) edges.push_back({std::min(row, voter), std::max(row, voter), d});
  }

  MatrixView<const float> faces_;
  float threshold_;
  std::size_t max_members_;
  std::size_t threads_;
  std::vector<Voters> voters_;  // block by block
  std::vector<std::int32_t> others_;
  std::vector<float> products_;
};

void check_rows(MatrixView<const float> faces) {
  for (std::size_t row = 0; row < faces.rows; ++row) {
    const float square = kernels().dot(faces.row(row), faces.row(row), faces.cols);
    if (!(square > 0 && std::isfinite(square)))
      throw std::invalid_argument("faces: row " + std::to_string(row) + " is zero or not finite");
  }
}

}  // namespace

VoterEdges voter_edges(MatrixView<const float> faces, std::span<const std::int64_t> groups, float threshold,
                       std::size_t max_members, std::uint64_t seed, std::size_t threads) {
  check_rows(faces);
  std::vector<std::int32_t> order(faces.rows);
  std::iota(order.begin(), order.end(), 0);
  sort_by_visit(order, seed);
  if (!groups.empty())
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return groups[a] < groups[b]; });

  VoterEdges result;
  result.voters.assign(faces.rows, 0);
  std::vector<Edge> edges;
  const std::span<const std::int32_t> rows(order);
  for (std::size_t begin = 0, end; begin < rows.size(); begin = end) {
    end = groups.empty() ? rows.size() : begin;
    while (end < rows.size() && groups[rows[end]] == groups[rows[begin]]) ++end;
    Crowd(faces, threshold, max_members, threads).visit(rows.subspan(begin, end - begin), result, edges);
  }
  sort_by_ends(edges, faces.rows);
  for (const Edge& edge : edges) {
    result.edges.i.push_back(edge.i);
    result.edges.j.push_back(edge.j);
    result.edges.d.push_back(edge.d);
  }
  return result;
}

}  // namespace fastface
