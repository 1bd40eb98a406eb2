#include "algorithms/nearest.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "algorithms/distances.hpp"
#include "algorithms/strip_side.hpp"
#include "core/parallel.hpp"
#include "core/watch.hpp"

namespace fastface {

namespace {

// For fewer queries, quantising the gallery costs more than it spares.
constexpr std::size_t kFewQueries = 128;

// A block of queries against the whole gallery. What a query has kept so far rules most rows out by
// their 8-bit products, just as a threshold does in near_pairs.cpp.
class QueryBlock {
 public:
  // Writes to the block's rows of `distances`: heaps, until take_places().
  QueryBlock(const ComparableRows& queries, std::span<const std::int32_t> listed,
             const ComparableRows& gallery, std::size_t k, float* distances)
      : queries_(queries),
        listed_(listed),
        left_(queries, StripSide::Role::left, StripSide::left_panels(listed.size())),
        right_(gallery, StripSide::Role::right, 1),
        n_rows_(listed.size()),
        k_(k),
        distances_(distances),
        indices_(n_rows_ * k, -1),
        candidates_(queries.faces ? n_rows_ * right_.width() : 0),
        reaches_(left_.panels() * left_.width(), -1) {
    left_.take(listed_, 0);
    std::fill_n(distances_, n_rows_ * k_, kInfinity);
  }

  void search(std::span<const std::int32_t> gallery_rows) {
    const std::size_t width = right_.width();
    for (std::size_t at = 0; at < gallery_rows.size(); at += width) {
      const std::size_t rows = std::min(width, gallery_rows.size() - at);
      // All rows of the gallery count as later than all queries.
      right_.take(gallery_rows.subspan(at, rows), n_rows_ + at);
      if (queries_.faces)
        search_strip();
      else
        for (std::size_t panel = 0; panel < left_.panels(); ++panel) search_tile(panel);
      advance(n_rows_ * rows);
    }
    settle();
  }

  bool is_present(std::size_t row) const {
    return queries_.observations.faces.present[static_cast<std::size_t>(listed_[row])];
  }

  // The places of a query of the block, by rising (distance, index). Those that nothing reached go to
  // the rows of `unreachable`, the lowest indices at infinite distance.
  void take_places(std::size_t row, std::span<const std::int32_t> unreachable, std::int64_t* indices) {
    std::vector<std::pair<float, std::int32_t>> places(k_);
    for (std::size_t p = 0; p < k_; ++p) places[p] = {distances_[row * k_ + p], indices_[row * k_ + p]};
    std::sort(places.begin(), places.end());
    std::size_t next = 0;
    for (std::size_t p = 0; p < k_; ++p) {
      const auto& [distance, index] = places[p];
      distances_[row * k_ + p] = distance;
      indices[p] = index >= 0 ? index - static_cast<std::int32_t>(n_rows_) : unreachable[next++];
    }
  }

 private:
  static constexpr std::size_t kPairsAtOnce = 256;

  void search_strip() {
    // A missing query reaches nothing, nor does what fills up the last panel.
    for (std::size_t r = 0; r < n_rows_; ++r) reaches_[r] = is_present(r) ? distances_[r * k_] : -1;
    const std::size_t count =
        kernels().strip_candidates(left_.words(), right_.words(), queries_.observations.rule, reaches_.data(),
                                   reaches_.data(), candidates_.data());
    settle_candidates(
        std::span(candidates_).first(count), left_, right_, [this](std::size_t panel) { search_tile(panel); },
        [this](std::span<const Candidate> few) { put_off(few); });
    if (pairs_.size() >= kPairsAtOnce) settle();
  }

  void search_tile(std::size_t panel) {
    const std::size_t top = panel * left_.width() * k_;
    kernels().strip_nearest(left_.floats(panel), right_.floats(0), queries_.observations.rule.face_dims, k_,
                            distances_ + top, indices_.data() + top);
  }

  void put_off(std::span<const Candidate> candidates) {
    for (const auto& [i, j] : candidates) {
      pairs_.push_back(left_.pair(i, right_, j));
      places_.push_back({i, right_.place(j)});
    }
  }

  // Later rows may have been kept meanwhile: of equal distances the lower index goes first.
  void settle() {
    found_.resize(pairs_.size());
    kernels().pair_distances(pairs_.data(), pairs_.size(), queries_.observations.rule, found_.data());
    for (std::size_t p = 0; p < pairs_.size(); ++p) {
      const std::size_t top = places_[p].first * k_;
      kernels().keep_nearest(found_[p], places_[p].second, k_, distances_ + top, indices_.data() + top);
    }
    pairs_.clear();
    places_.clear();
    right_.forget_pairs();
  }

  const ComparableRows& queries_;
  std::span<const std::int32_t> listed_;
  StripSide left_, right_;
  std::size_t n_rows_, k_;
  float* distances_;
  std::vector<std::int32_t> indices_;  // of the heaps, counted like right_.place()
  std::vector<Candidate> candidates_;
  std::vector<float> reaches_, found_;
  std::vector<RowPair> pairs_;
  std::vector<std::pair<std::size_t, std::int32_t>> places_;
};

}  // namespace

void nearest(const ComparableRows& queries, std::span<const std::int32_t> listed,
             const ComparableRows& gallery, MatrixView<std::int64_t> indices, MatrixView<float> distances,
             std::size_t threads) {
  const std::size_t k = distances.cols;
  const std::vector<std::int32_t> gallery_rows = all_rows(gallery.observations.faces.present.size());
  const std::vector<std::int32_t> anyone = all_rows(k);  // the places of a missing query
  std::vector<std::int32_t> missing;
  for (const std::int32_t row : gallery_rows)
    if (!gallery.observations.faces.present[static_cast<std::size_t>(row)]) missing.push_back(row);

  const std::size_t block =
      StripSide::rows_per_block(queries.observations.rule.face_dims, listed.size(), threads);
  parallel_for(listed.size(), block, threads, [&](std::size_t begin, std::size_t end) {
    QueryBlock search(queries, listed.subspan(begin, end - begin), gallery, k, distances.row(begin));
    search.search(gallery_rows);
    for (std::size_t query = begin; query < end; ++query)
      search.take_places(query - begin, search.is_present(query - begin) ? missing : anyone,
                         indices.row(query));
  });
}

void nearest(RowsView queries, RowsView gallery, MatrixView<std::int64_t> indices,
             MatrixView<float> distances, std::size_t threads, Quantise quantise) {
  if (quantise == Quantise::automatic && queries.rows < kFewQueries) quantise = Quantise::never;
  const ComparableRows left(Observations(CheckedRows(queries, "queries", threads)), quantise, threads);
  const ComparableRows right(Observations(CheckedRows(gallery, "gallery", threads)), quantise, threads);
  const Stage stage(queries.rows * gallery.rows);
  nearest(left, all_rows(queries.rows), right, indices, distances, threads);
}

}  // namespace fastface
