// One side of the strips of a search: rows packed for the kernels, quantised at once, in float32 when
// a panel turns out to need it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/kept_rows.hpp"
#include "algorithms/quantised.hpp"
#include "core/buffer.hpp"
#include "core/kernels.hpp"

namespace fastface {

class StripSide {
 public:
  enum class Role { left, right };

  // Tiles that the pairs of one tile would take, computed by themselves.
  static constexpr std::size_t kTileOfPairs = 16;

  // Rows of the left side to be worked on together, a multiple of its width: their words stay in the
  // second-level cache while the right side streams past, packed anew for each block. Fewer where that
  // leaves a thread without a share.
  static std::size_t rows_per_block(std::size_t face_dims, std::size_t n_rows, std::size_t threads);
  // Panels of a left side of so many rows.
  static std::size_t left_panels(std::size_t n_rows);

  // Room for `panels` panels.
  StripSide(const ComparableRows& rows, Role role, std::size_t panels);

  // Takes these rows instead of those before; `first` is what the first of them counts as in i < j.
  void take(std::span<const std::int32_t> members, std::size_t first);

  // All panels, quantised; only if the rows are.
  PackedRows words() const;
  // One panel in float32.
  PackedRows floats(std::size_t panel);

  std::size_t panels() const { return are_packed_.size(); }
  std::size_t width() const { return width_; }
  // What row `at` counts as.
  std::int32_t place(std::size_t at) const { return static_cast<std::int32_t>(first_ + at); }
  // Row `at` of this side and row `other_at` of the other, to be compared by themselves: before either
  // side is told to forget_pairs().
  RowPair pair(std::size_t at, StripSide& other, std::size_t other_at);
  void forget_pairs();

 private:
  // A matrix of this side: the words of its panels, and their bounds in the kernels' two layouts.
  struct Words {
    BufferOf<std::int32_t> words;
    std::vector<RowBound> bounds, peaks;
    std::vector<float> scales, norms, residuals;

    Words() = default;
    Words(std::size_t panels, std::size_t width, std::size_t dims);
    void take(const QuantisedRows& rows, std::size_t dims, std::span<const std::int32_t> members, Role role,
              std::size_t width);
    PackedWords view() const;
  };

  void pack_floats(std::size_t panel);
  const float* face(std::size_t at);
  const float* torso(std::size_t at);

  const ComparableRows& rows_;
  Role role_;
  std::size_t width_;
  bool with_torsos_;
  std::span<const std::int32_t> members_;
  std::size_t first_ = 0;
  bool torsos_alone_ = false;
  Words face_words_, torso_words_;
  std::vector<float> bias_, has_torso_;
  KeptRows kept_faces_, kept_torsos_;     // of narrow rows, those in pairs
  Buffer faces_, torsos_;                 // float32 panels, made at first use
  std::vector<std::uint8_t> are_packed_;  // per panel: whether they are of these rows
};

// Settles the candidates of a strip, which come by panels of its left side: a panel that has many is
// cheaper as a whole tile, `search_tile(panel)`, few by themselves, `put_off(candidates)`.
template <class SearchTile, class PutOff>
void settle_candidates(std::span<const Candidate> candidates, const StripSide& left, const StripSide& right,
                       SearchTile search_tile, PutOff put_off) {
  const std::size_t rows = left.width();
  const std::size_t few = rows * right.width() / StripSide::kTileOfPairs;
  for (std::size_t begin = 0, end; begin < candidates.size(); begin = end) {
    const std::size_t panel = candidates[begin].left / rows;
    for (end = begin; end < candidates.size() && candidates[end].left / rows == panel;) ++end;
    if (end - begin > few)
      search_tile(panel);
    else
      put_off(candidates.subspan(begin, end - begin));
  }
}

}  // namespace fastface
