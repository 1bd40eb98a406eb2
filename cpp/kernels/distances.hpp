// Fused face and torso distances: what is done with a finished tile of inner products.
//
//   F = max(0, 1 - <f_i, f_j>)    T = max(0, 1 - <t_i, t_j>)    D = min(F, alpha * F + beta * T)
//
// Every kernel takes D from fused(), so a pair has the same bits in a block and in a list of edges.
#pragma once

#include "core/kernels.hpp"
#include "kernels/gemm.hpp"

namespace fastface::FASTFACE_TARGET {

inline constexpr float kInfinity = __builtin_inff();
inline constexpr std::size_t kTileSize = kTileRows * kTileCols;

FASTFACE_INLINE f32v one_minus(f32v product) { return max(splat(1.0f) - product, f32v{}); }

// `bias` is the sum of both rows' face_bias, `torsos` the product of both rows' has_torso.
FASTFACE_INLINE f32v fused(f32v face_product, f32v torso_product, f32v bias, f32v torsos,
                           const FusedRule& rule) {
  const f32v infinite = splat(kInfinity);
  const f32v face = one_minus(face_product);
  const f32v weighted_torso = splat(rule.beta) * one_minus(torso_product);
  const f32v both = min(splat(rule.alpha) * face + weighted_torso, face);
  const f32v with_faces = torsos > f32v{} ? both : face;
  const f32v torsos_alone = torsos > f32v{} ? weighted_torso : infinite;
  const f32v without_faces = bias == -infinite ? torsos_alone : infinite;
  return bias == f32v{} ? with_faces : without_faces;
}

// A finished tile of products and the rows it belongs to.
struct DistanceTile {
  const PackedRows& left;
  const PackedRows& right;
  const FusedRule& rule;
  std::size_t top;      // its first row within `left`
  const float* faces;   // products, kTileRows x kTileCols
  const float* torsos;  // likewise, or null

  [[gnu::always_inline]] f32v bias(std::size_t r, std::size_t v) const {
    return splat(left.face_bias[top + r]) + load(right.face_bias + v * kLanes);
  }

  // From left row `r` of the tile to the right rows in vector `v`.
  [[gnu::always_inline]] f32v distances(std::size_t r, std::size_t v) const {
    const std::size_t at = r * kTileCols + v * kLanes;
    if (!torsos) return fused(load(faces + at), f32v{}, bias(r, v), f32v{}, rule);
    const f32v has_torsos = splat(left.has_torso[top + r]) * load(right.has_torso + v * kLanes);
    return fused(load(faces + at), load(torsos + at), bias(r, v), has_torsos, rule);
  }

  // F to the right rows in vector `v`, or an infinity where that takes both faces.
  [[gnu::always_inline]] f32v face_distances(std::size_t r, std::size_t v) const {
    return one_minus(load(faces + r * kTileCols + v * kLanes)) + bias(r, v);
  }

  // Lists the rows with a pair that the faces leave open: F <= reach, or no face to tell.
  [[gnu::always_inline]] std::size_t open_rows(float reach, std::size_t* rows) const {
    f32v least = splat(kInfinity);
    for (std::size_t r = 0; r < kTileRows; ++r)
      for (std::size_t v = 0; v < kTileVectors; ++v) least = min(face_distances(r, v), least);
    if (!any(least <= splat(reach))) return 0;  // nearly always
    std::size_t count = 0;
    for (std::size_t r = 0; r < kTileRows; ++r) {
      f32v row_least = splat(kInfinity);
      for (std::size_t v = 0; v < kTileVectors; ++v) row_least = min(face_distances(r, v), row_least);
      if (any(row_least <= splat(reach))) rows[count++] = r;
    }
    return count;
  }
};

// Left panels of a strip with at least one pair i < j.
static std::size_t panels_above_diagonal(const PackedRows& left, const PackedRows& right) noexcept {
  const std::size_t panels = (left.count + kTileRows - 1) / kTileRows;
  const std::size_t end = right.first + right.count;
  if (left.first + 1 >= end) return 0;
  const std::size_t above = (end - 1 - left.first + kTileRows - 1) / kTileRows;
  return panels < above ? panels : above;
}

static std::size_t strip_edges(const PackedRows& left, const PackedRows& right, const FusedRule& rule,
                               float threshold, float reach, Edge* out) noexcept {
  Edge* end = out;
  const auto finish = [&](std::size_t top, const float* faces) {
    DistanceTile tile{left, right, rule, top, faces, nullptr};
    std::size_t rows[kTileRows];
    const std::size_t n_rows = tile.open_rows(reach, rows);
    if (n_rows == 0) return;
    // Torsos cost as much as faces: only where the faces leave a pair open.
    alignas(64) float torsos[kTileSize];
    if (left.torsos) {
      const float* left_torsos = left.torsos + top * rule.torso_dims;
      if (n_rows <= kFewRows)
        multiply_few_rows(left_torsos, right.torsos, rule.torso_dims, rows, n_rows, torsos);
      else
        multiply_tile(left_torsos, right.torsos, rule.torso_dims, torsos);
      tile.torsos = torsos;
    }
    for (std::size_t row = 0; row < n_rows; ++row) {
      const std::size_t r = rows[row];
      const std::size_t i = left.first + top + r;
      for (std::size_t v = 0; v < kTileVectors; ++v) {
        const f32v distances = tile.distances(r, v);
        float lanes[kLanes];
        store(lanes, distances);
        for (unsigned found = bits(distances <= splat(threshold)); found; found &= found - 1) {
          const std::size_t lane = static_cast<std::size_t>(__builtin_ctz(found));
          const std::size_t j = right.first + v * kLanes + lane;
          if (i < j) *end++ = {static_cast<std::int32_t>(i), static_cast<std::int32_t>(j), lanes[lane]};
        }
      }
    }
  };
  multiply_strip(left.faces, panels_above_diagonal(left, right), right.faces, rule.face_dims, finish);
  return static_cast<std::size_t>(end - out);
}

static void strip_block(const PackedRows& left, const PackedRows& right, const FusedRule& rule, float* out,
                        std::size_t stride) noexcept {
  const auto finish = [&](std::size_t top, const float* faces) {
    DistanceTile tile{left, right, rule, top, faces, nullptr};
    alignas(64) float torsos[kTileSize];
    if (left.torsos) {
      multiply_tile(left.torsos + top * rule.torso_dims, right.torsos, rule.torso_dims, torsos);
      tile.torsos = torsos;
    }
    alignas(64) float block[kTileSize];
    for (std::size_t r = 0; r < kTileRows; ++r)
      for (std::size_t v = 0; v < kTileVectors; ++v)
        store(block + r * kTileCols + v * kLanes, tile.distances(r, v));

    const std::size_t i0 = left.first + top;
    const std::size_t rows = left.count - top < kTileRows ? left.count - top : kTileRows;
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = i0 + r < right.first ? 0 : i0 + r + 1 - right.first; c < right.count; ++c)
        out[(i0 + r) * stride + right.first + c] = block[r * kTileCols + c];
    for (std::size_t c = 0; c < right.count; ++c)
      for (std::size_t r = 0; r < rows && i0 + r < right.first + c; ++r)
        out[(right.first + c) * stride + i0 + r] = block[r * kTileCols + c];
  };
  multiply_strip(left.faces, panels_above_diagonal(left, right), right.faces, rule.face_dims, finish);
}

static void pair_distances(const RowPair* pairs, std::size_t count, const FusedRule& rule,
                           float* distances) noexcept {
  // As many as fill whole vectors and whole calls of multiply_pairs(); the last pair fills up.
  constexpr std::size_t kBatch = kLanes > kPairs ? kLanes : kPairs;
  for (std::size_t first = 0; first < count; first += kBatch) {
    const float *left[kBatch], *right[kBatch];
    float faces[kBatch] = {}, torsos[kBatch] = {}, bias[kBatch], has_torsos[kBatch], found[kBatch];
    const auto pair = [&](std::size_t p) -> const RowPair& {
      return pairs[first + p < count ? first + p : count - 1];
    };
    for (std::size_t p = 0; p < kBatch; ++p) {
      left[p] = pair(p).left_face;
      right[p] = pair(p).right_face;
      bias[p] = pair(p).bias;
      has_torsos[p] = rule.torso_dims ? pair(p).torsos : 0.0f;
    }
    for (std::size_t p = 0; p < kBatch && first + p < count; p += kPairs)
      multiply_pairs(left + p, right + p, rule.face_dims, faces + p);
    if (rule.torso_dims) {
      for (std::size_t p = 0; p < kBatch; ++p) {
        left[p] = pair(p).left_torso;
        right[p] = pair(p).right_torso;
      }
      for (std::size_t p = 0; p < kBatch && first + p < count; p += kPairs)
        multiply_pairs(left + p, right + p, rule.torso_dims, torsos + p);
    }
    for (std::size_t p = 0; p < kBatch; p += kLanes)
      store(found + p, fused(load(faces + p), load(torsos + p), load(bias + p), load(has_torsos + p), rule));
    for (std::size_t p = 0; p < kBatch && first + p < count; ++p) distances[first + p] = found[p];
  }
}

// Replaces the largest of a max-heap by (distance, index).
static void replace_top(float* distances, std::int32_t* indices, std::size_t k, float distance,
                        std::int32_t index) noexcept {
  const auto larger = [&](std::size_t a, std::size_t b) {
    return distances[a] > distances[b] || (distances[a] == distances[b] && indices[a] > indices[b]);
  };
  std::size_t hole = 0;
  for (std::size_t child = 1; child < k; child = 2 * hole + 1) {
    if (child + 1 < k && larger(child + 1, child)) ++child;
    if (distances[child] < distance || (distances[child] == distance && indices[child] < index)) break;
    distances[hole] = distances[child];
    indices[hole] = indices[child];
    hole = child;
  }
  distances[hole] = distance;
  indices[hole] = index;
}

static void keep_nearest(float distance, std::int32_t index, std::size_t k, float* distances,
                         std::int32_t* indices) noexcept {
  if (distance < distances[0] || (distance == distances[0] && index < indices[0]))
    replace_top(distances, indices, k, distance, index);
}

static void strip_nearest(const PackedRows& left, const PackedRows& right, std::size_t face_dims,
                          std::size_t k, float* distances, std::int32_t* indices) noexcept {
  const FusedRule faces_only{face_dims, 0, 1, 0};
  const auto finish = [&](std::size_t top, const float* faces) {
    const DistanceTile tile{left, right, faces_only, top, faces, nullptr};
    for (std::size_t r = 0; r < kTileRows && top + r < left.count; ++r) {
      float* heap = distances + (top + r) * k;
      std::int32_t* heap_indices = indices + (top + r) * k;
      for (std::size_t v = 0; v < kTileVectors; ++v) {
        // Strictly below the worst kept: at equal distance the earlier, lower index stays.
        const f32v found = tile.distances(r, v);
        unsigned better = bits(found < splat(heap[0]));
        if (!better) continue;
        float lanes[kLanes];
        store(lanes, found);
        for (; better; better &= better - 1) {
          const std::size_t lane = static_cast<std::size_t>(__builtin_ctz(better));
          if (lanes[lane] < heap[0])
            replace_top(heap, heap_indices, k, lanes[lane],
                        static_cast<std::int32_t>(right.first + v * kLanes + lane));
        }
      }
    }
  };
  multiply_strip(left.faces, (left.count + kTileRows - 1) / kTileRows, right.faces, face_dims, finish);
}

}  // namespace fastface::FASTFACE_TARGET
