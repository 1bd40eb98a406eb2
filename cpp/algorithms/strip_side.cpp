#include "algorithms/strip_side.hpp"

#include <algorithm>

#include "core/parallel.hpp"

namespace fastface {

StripSide::Words::Words(std::size_t panels, std::size_t width, std::size_t dims)
    : words(panels * width * ((dims + 3) / 4) * kernels().words_per_four),
      bounds(panels * width),
      peaks(panels),
      scales(panels * width),
      norms(panels * width),
      residuals(panels * width) {}

void StripSide::Words::take(const QuantisedRows& rows, std::size_t dims,
                            std::span<const std::int32_t> members, Role role, std::size_t width) {
  const Kernels& kernel = kernels();
  const std::size_t panel_words = width * ((dims + 3) / 4) * kernel.words_per_four;
  std::vector<const std::int8_t*> pointers(width);
  for (std::size_t panel = 0; panel * width < members.size(); ++panel) {
    RowBound& peak = peaks[panel] = {};
    for (std::size_t r = 0; r < width; ++r) {
      const std::size_t at = panel * width + r;
      const bool exists = at < members.size();
      const auto row = exists ? static_cast<std::size_t>(members[at]) : 0;
      const RowBound bound = exists ? rows.bound(row) : RowBound{};
      pointers[r] = exists ? rows.row(row) : nullptr;
      bounds[at] = bound;
      scales[at] = bound.scale;
      norms[at] = bound.norm;
      residuals[at] = bound.residual;
      peak = {std::max(peak.scale, bound.scale), std::max(peak.norm, bound.norm),
              std::max(peak.residual, bound.residual), 0};
    }
    kernel.pack_words(pointers.data(), width, dims, role == Role::right, words.data() + panel * panel_words);
  }
}

PackedWords StripSide::Words::view() const {
  return {.words = words.data(),
          .bounds = bounds.data(),
          .peaks = peaks.data(),
          .scales = scales.data(),
          .norms = norms.data(),
          .residuals = residuals.data()};
}

std::size_t StripSide::rows_per_block(std::size_t face_dims, std::size_t n_rows, std::size_t threads) {
  constexpr std::size_t kBlockBytes = std::size_t{1} << 18, kBlocksPerThread = 8;
  const std::size_t width = kernels().tile_rows;
  const std::size_t panel = std::max<std::size_t>(width * face_dims * kernels().words_per_four, 1);
  const std::size_t workers = n_threads(threads);
  const std::size_t share = workers == 1 ? n_rows : n_rows / (kBlocksPerThread * workers);
  return width * std::clamp<std::size_t>(std::min(kBlockBytes / panel, (share + width - 1) / width), 4, 64);
}

std::size_t StripSide::left_panels(std::size_t n_rows) {
  return (n_rows + kernels().tile_rows - 1) / kernels().tile_rows;
}

StripSide::StripSide(const ComparableRows& rows, Role role, std::size_t panels)
    : rows_(rows),
      role_(role),
      width_(role == Role::left ? kernels().tile_rows : kernels().tile_cols),
      with_torsos_(rows.observations.torsos_used),
      bias_(panels * width_),
      kept_faces_(panels * width_),
      kept_torsos_(panels * width_),
      are_packed_(panels) {
  const FusedRule& rule = rows.observations.rule;
  if (rows.faces) face_words_ = Words(panels, width_, rule.face_dims);
  if (rows.torsos) torso_words_ = Words(panels, width_, rule.torso_dims);
  if (with_torsos_) has_torso_.resize(panels * width_);
}

void StripSide::take(std::span<const std::int32_t> members, std::size_t first) {
  members_ = members;
  first_ = first;
  kept_faces_.exchange();
  kept_torsos_.exchange();
  const Observations& observations = rows_.observations;
  std::fill(are_packed_.begin(), are_packed_.end(), 0);
  std::fill(bias_.begin(), bias_.end(), kInfinity);
  torsos_alone_ = false;
  for (std::size_t at = 0; at < members.size(); ++at) {
    const auto row = static_cast<std::size_t>(members[at]);
    bias_[at] = observations.faces.present[row] ? 0 : observations.missing_face;
    torsos_alone_ |= bias_[at] == -kInfinity;
    if (with_torsos_) has_torso_[at] = observations.torsos.present[row];
  }
  if (rows_.faces) face_words_.take(rows_.faces, observations.rule.face_dims, members, role_, width_);
  if (rows_.torsos) torso_words_.take(rows_.torsos, observations.rule.torso_dims, members, role_, width_);
}

PackedRows StripSide::words() const {
  return {.faces = nullptr,
          .torsos = nullptr,
          .face_bias = bias_.data(),
          .has_torso = has_torso_.data(),
          .first = first_,
          .count = members_.size(),
          .torsos_alone = torsos_alone_,
          .face_words = face_words_.view(),
          .torso_words = torso_words_.view()};
}

PackedRows StripSide::floats(std::size_t panel) {
  if (!are_packed_[panel]) pack_floats(panel);
  const FusedRule& rule = rows_.observations.rule;
  const std::size_t top = panel * width_;
  return {.faces = faces_.data() + top * rule.face_dims,
          .torsos = with_torsos_ ? torsos_.data() + top * rule.torso_dims : nullptr,
          .face_bias = bias_.data() + top,
          .has_torso = with_torsos_ ? has_torso_.data() + top : nullptr,
          .first = first_ + top,
          .count = std::min(width_, members_.size() - top),
          .torsos_alone = torsos_alone_,
          .face_words = {},
          .torso_words = {}};
}

void StripSide::pack_floats(std::size_t panel) {
  const Observations& observations = rows_.observations;
  const auto pack_panel = [&](const CheckedRows& rows, Buffer& panels) {
    const std::size_t dims = rows.matrix.cols;
    if (!panels.data()) panels = Buffer(are_packed_.size() * width_ * dims);
    std::vector<const float*> pointers(width_, nullptr);
    const RoomFor room(rows.matrix, width_);
    for (std::size_t r = 0; r < width_ && panel * width_ + r < members_.size(); ++r) {
      const auto row = static_cast<std::size_t>(members_[panel * width_ + r]);
      if (rows.present[row]) pointers[r] = rows.matrix.row(row, room.row(r));
    }
    kernels().pack_panel(pointers.data(), width_, dims, panels.data() + panel * width_ * dims);
  };
  pack_panel(observations.faces, faces_);
  if (with_torsos_) pack_panel(observations.torsos, torsos_);
  are_packed_[panel] = 1;
}

const float* StripSide::face(std::size_t at) {
  return kept_faces_.row(at, rows_.observations.faces.matrix, static_cast<std::size_t>(members_[at]));
}

const float* StripSide::torso(std::size_t at) {
  if (!with_torsos_) return nullptr;
  return kept_torsos_.row(at, rows_.observations.torsos.matrix, static_cast<std::size_t>(members_[at]));
}

void StripSide::forget_pairs() {
  kept_faces_.forget();
  kept_torsos_.forget();
}

RowPair StripSide::pair(std::size_t at, StripSide& other, std::size_t other_at) {
  return {.left_face = face(at),
          .right_face = other.face(other_at),
          .left_torso = torso(at),
          .right_torso = other.torso(other_at),
          .bias = bias_[at] + other.bias_[other_at],
          .torsos = with_torsos_ ? has_torso_[at] * other.has_torso_[other_at] : 0.0f};
}

}  // namespace fastface
