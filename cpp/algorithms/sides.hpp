// The two sides of a distance computation: rows checked for what is missing, and packed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "algorithms/distances.hpp"
#include "algorithms/panels.hpp"
#include "core/kernels.hpp"
#include "core/rows.hpp"

namespace fastface {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Rows and which of them are there: not all zeros, not all NaN. Throws std::invalid_argument for
// other NaN, infinities and rows so long that a product could overflow.
struct CheckedRows {
  RowsView matrix;
  std::vector<std::uint8_t> present;

  CheckedRows(RowsView rows, const char* name, std::size_t threads);
};

// Faces and torsos that belong together, and how they are fused.
struct Observations {
  CheckedRows faces;
  CheckedRows torsos;
  FusedRule rule;
  bool torsos_used;    // false where no torso can change any D
  float missing_face;  // face_bias of a row without a face

  // With `torsos_alone`, two torsos of which one has no face are compared too.
  Observations(RowsView face_rows, RowsView torso_rows, FusedWeights weights, bool torsos_alone,
               std::size_t threads);
  // Faces alone.
  explicit Observations(CheckedRows face_rows);
};

// Rows packed `width` to a panel: kernels().tile_rows for the left side, tile_cols for the right.
class Side {
 public:
  // The observations in `order`.
  Side(const Observations& observations, std::span<const std::int32_t> order, std::size_t width,
       std::size_t threads);

  std::size_t panels() const { return faces_.count(); }
  // Panels to be worked on together, see panels_per_block().
  std::size_t step() const { return panels_per_block(faces_); }
  PackedRows view(std::size_t first_panel, std::size_t end_panel) const;

 private:
  Panels faces_;
  Panels torsos_;
  std::vector<float> face_bias_;
  std::vector<float> has_torso_;
};

// 0, 1, ..., count - 1.
std::vector<std::int32_t> all_rows(std::size_t count);

}  // namespace fastface
