#include "algorithms/sides.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/parallel.hpp"

namespace fastface {

namespace {

// Squared norms up to here cannot make an inner product overflow, by Cauchy and Schwarz.
constexpr float kLargestSquare = 1e36f;

bool is_present(const float* row, std::size_t dims, const char* name, std::size_t index) {
  const float square = kernels().dot(row, row, dims);
  if (square > 0 && square <= kLargestSquare) return true;
  const float* end = row + dims;
  // Zeros, or values too small to be seen in a square.
  if (square == 0) return std::any_of(row, end, [](float x) { return x != 0; });
  if (std::all_of(row, end, [](float x) { return std::isnan(x); })) return false;
  const bool finite = std::all_of(row, end, [](float x) { return std::isfinite(x); });
  throw std::invalid_argument(
      std::string(name) + ": row " + std::to_string(index) +
      (finite ? " is too long: expected rows of unit norm" : " has NaN or infinite values among others"));
}

std::size_t checked_count(std::size_t rows, const char* name) {
  constexpr std::size_t kLargestIndex = std::numeric_limits<std::int32_t>::max();
  if (rows > kLargestIndex)
    throw std::invalid_argument(std::string(name) + ": expected at most 2**31 - 1 rows, got " +
                                std::to_string(rows));
  return rows;
}

float checked_weight(float weight, const char* name) {
  if (!(weight >= 0 && weight < kInfinity))
    throw std::invalid_argument(std::string(name) + ": expected a finite number >= 0, got " +
                                std::to_string(weight));
  return weight;
}

}  // namespace

CheckedRows::CheckedRows(RowsView rows, const char* name, std::size_t threads)
    : matrix(rows), present(checked_count(rows.rows, name)) {
  constexpr std::size_t kRowsPerPiece = 4096;
  parallel_for(rows.rows, kRowsPerPiece, threads, [&](std::size_t begin, std::size_t end) {
    const RoomFor room(matrix);
    for (std::size_t row = begin; row < end; ++row)
      present[row] = is_present(matrix.row(row, room.row()), matrix.cols, name, row);
  });
}

Observations::Observations(RowsView face_rows, RowsView torso_rows, FusedWeights weights, bool torsos_alone,
                           std::size_t threads)
    : faces(face_rows, "faces", threads),
      torsos(torso_rows, "torsos", threads),
      rule{face_rows.cols, torso_rows.cols, checked_weight(weights.alpha, "alpha"),
           checked_weight(weights.beta, "beta")},
      torsos_used(false),
      missing_face(torso_rows && torsos_alone ? -kInfinity : kInfinity) {
  if (!torso_rows) return;
  const bool face_missing = std::find(faces.present.begin(), faces.present.end(), 0) != faces.present.end();
  // With both faces and alpha >= 1 the minimum is F, because T >= 0.
  torsos_used = weights.alpha < 1 || (torsos_alone && face_missing);
}

Observations::Observations(CheckedRows face_rows)
    : faces(std::move(face_rows)),
      torsos({}, "torsos", 1),
      rule{faces.matrix.cols, 0, 1, 0},
      torsos_used(false),
      missing_face(kInfinity) {}

Side::Side(const Observations& observations, std::span<const std::int32_t> order, std::size_t width,
           std::size_t threads)
    : faces_(pack(observations.faces.matrix, order, observations.faces.present, width, threads)),
      face_bias_(faces_.count() * width, kInfinity) {
  for (std::size_t r = 0; r < order.size(); ++r) {
    const auto row = static_cast<std::size_t>(order[r]);
    face_bias_[r] = observations.faces.present[row] ? 0 : observations.missing_face;
  }
  if (!observations.torsos_used) return;
  torsos_ = pack(observations.torsos.matrix, order, observations.torsos.present, width, threads);
  has_torso_.resize(face_bias_.size());
  for (std::size_t r = 0; r < order.size(); ++r)
    has_torso_[r] = observations.torsos.present[static_cast<std::size_t>(order[r])];
}

PackedRows Side::view(std::size_t first_panel, std::size_t end_panel) const {
  const std::size_t first = first_panel * faces_.width;
  const bool with_torsos = !has_torso_.empty();
  return {.faces = faces_.panel(first_panel),
          .torsos = with_torsos ? torsos_.panel(first_panel) : nullptr,
          .face_bias = face_bias_.data() + first,
          .has_torso = with_torsos ? has_torso_.data() + first : nullptr,
          .first = first,
          .count = std::min(faces_.rows, end_panel * faces_.width) - first,
          .torsos_alone = false,
          .face_words = {},
          .torso_words = {}};
}

std::vector<std::int32_t> all_rows(std::size_t count) {
  std::vector<std::int32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

}  // namespace fastface
