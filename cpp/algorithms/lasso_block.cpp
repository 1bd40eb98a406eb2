#include "algorithms/lasso_block.hpp"

#include <algorithm>
#include <cmath>

namespace fastface::lasso_solvers {

Correlator::Correlator(const Atoms& atoms, std::size_t most_vectors)
    : atoms_(atoms), correlations_(most_vectors * atoms.size()), told_(most_vectors) {}

std::span<const Told> Correlator::exactly(std::span<const float* const> vectors) {
  const std::size_t n_atoms = atoms_.size(), d = atoms_.dims();
  constexpr std::size_t kAtomsAtOnce = 4096;
  for (std::size_t first = 0; first < n_atoms; first += kAtomsAtOnce) {
    atoms_.kernels().row_products(vectors.data(), vectors.size(), atoms_.rows().data() + first,
                                  std::min(kAtomsAtOnce, n_atoms - first), d, correlations_.data() + first,
                                  n_atoms);
    breathe();
  }
  for (std::size_t i = 0; i < vectors.size(); ++i)
    told_[i] = {.correlations = correlations_.data() + i * n_atoms,
                .norm = 0,
                .residual = rounding_error(d) * std::sqrt(atoms_.kernels().dot(vectors[i], vectors[i], d))};
  return std::span(told_).first(vectors.size());
}

std::span<const Told> Correlator::roughly(std::span<const float* const> vectors) {
  const Kernels& kernels = atoms_.kernels();
  const std::size_t n_atoms = atoms_.size(), d = atoms_.dims();
  const std::size_t stride = (d + 3) / 4 * 4, height = kernels.tile_rows;
  const std::size_t panels = (vectors.size() + height - 1) / height;
  values_.resize(height * stride);
  words_.resize(panels * height * stride / 4 * kernels.words_per_four);
  bounds_.assign(panels * height, RowBound{});
  for (std::size_t top = 0; top < vectors.size(); top += height) {
    std::vector<const std::int8_t*> rows(height, nullptr);
    for (std::size_t r = 0; r < height && top + r < vectors.size(); ++r) {
      rows[r] = values_.data() + r * stride;
      bounds_[top + r] = kernels.quantise(vectors[top + r], d, values_.data() + r * stride);
    }
    kernels.pack_words(rows.data(), height, d, false,
                       words_.data() + top * stride / 4 * kernels.words_per_four);
  }
  PackedWords left{};
  left.words = words_.data();
  left.bounds = bounds_.data();
  for (std::size_t first = 0; first < n_atoms; first += kernels.tile_cols) {
    kernels.word_products(left, vectors.size(), atoms_.words(first),
                          std::min(kernels.tile_cols, n_atoms - first), d, correlations_.data() + first,
                          n_atoms);
    if (first / kernels.tile_cols % 64 == 0) breathe();
  }
  for (std::size_t i = 0; i < vectors.size(); ++i)
    told_[i] = {.correlations = correlations_.data() + i * n_atoms,
                .norm = bounds_[i].norm,
                .residual = bounds_[i].residual};
  return std::span(told_).first(vectors.size());
}

}  // namespace fastface::lasso_solvers
