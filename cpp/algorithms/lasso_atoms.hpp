// The dictionary as the lasso solvers see it: rows, their norms and, where they repay the work, their
// 8-bit words (kernels/quantised.hpp) and their Gram matrix. Internal to cpp/algorithms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/buffer.hpp"
#include "core/kernels.hpp"
#include "core/view.hpp"

namespace fastface::lasso_solvers {

// A Gram matrix of more atoms than this leaves the second-level cache, and reading it there is no
// faster than computing the few entries that a query needs.
inline constexpr std::size_t kMostGramAtoms = 512;

class Atoms {
 public:
  explicit Atoms(std::size_t n_dimensions) : kernels_(&fastface::kernels()), dims_(n_dimensions) {}

  // Appends atoms; their rows are borrowed. Throws std::invalid_argument, nothing appended, if a row of
  // what the caller knows as `name` is not finite or has a squared norm above 1e30.
  void append(MatrixView<const float> rows, const char* name, std::size_t threads);
  // Removes an atom. The last one takes its index; nothing is computed again.
  void remove(std::size_t index);

  // From now on the words or the Gram matrix exist and follow every change; but beyond kMostGramAtoms
  // there is no Gram matrix until the atoms are half as many.
  void keep_words(std::size_t threads);
  void keep_gram(std::size_t threads);
  // Whether this dictionary can have words at all, and whether they are worth their while here.
  bool words_suit() const { return kernels_->words_pay && dims_ <= kMaxQuantisedDims; }
  bool has_words() const { return words_kept_; }
  bool has_gram() const { return gram_stride_ > 0; }

  const Kernels& kernels() const { return *kernels_; }  // those that the words were packed for
  std::size_t size() const { return rows_.size(); }
  std::size_t dims() const { return dims_; }
  const float* row(std::size_t index) const { return rows_[index]; }
  std::span<const float* const> rows() const { return rows_; }
  float norm(std::size_t index) const { return norms_[index]; }
  std::span<const float> norms() const { return norms_; }
  float largest_norm() const { return largest_norm_; }
  // At least the norm of what an atom's words leave out.
  float residual(std::size_t index) const { return residuals_[index]; }
  float largest_residual() const { return largest_residual_; }

  // Words of the panel of atoms that starts at `first`, a multiple of kernels().tile_cols.
  PackedWords words(std::size_t first) const;
  const float* gram_row(std::size_t index) const { return gram_.data() + index * gram_stride_; }

 private:
  std::size_t words_per_row() const { return (dims_ + 3) / 4 * kernels_->words_per_four; }
  void quantise_from(std::size_t first, std::size_t threads);
  void quantise_panel(std::size_t panel, std::size_t first);
  void multiply_from(std::size_t first, std::size_t threads);
  void find_largest();

  const Kernels* kernels_;
  std::size_t dims_;
  std::vector<const float*> rows_;
  std::vector<float> norms_;
  float largest_norm_ = 0;

  bool words_kept_ = false;
  BufferOf<std::int32_t> words_;  // panels of tile_cols rows
  std::size_t word_panels_ = 0;   // that words_ has room for
  std::vector<float> scales_;     // per row, filled up to whole panels
  std::vector<float> residuals_;
  float largest_residual_ = 0;

  bool gram_kept_ = false;
  std::vector<float> gram_;
  std::size_t gram_stride_ = 0;
};

}  // namespace fastface::lasso_solvers
