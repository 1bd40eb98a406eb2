#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "algorithms/lasso.hpp"
#include "algorithms/lasso_atoms.hpp"
#include "algorithms/lasso_solve.hpp"

namespace fastface {

// Rows stay where they were first copied to: an array holds what was added at once and is freed when
// the last of its atoms is gone.
struct LassoDictionary::State {
  explicit State(std::size_t n_dimensions) : atoms(n_dimensions) {}

  mutable std::shared_mutex mutex;  // shared by those who solve
  lasso_solvers::Atoms atoms;
  std::vector<std::shared_ptr<const float[]>> arrays;  // per atom: what its row lies in
  std::vector<std::int64_t> labels;                    // per atom
};

LassoDictionary::LassoDictionary(std::size_t n_dimensions) : state_(std::make_unique<State>(n_dimensions)) {
  if (state_->atoms.words_suit()) state_->atoms.keep_words(1);
  state_->atoms.keep_gram(1);
}

LassoDictionary::~LassoDictionary() = default;

std::size_t LassoDictionary::size() const {
  const std::shared_lock lock(state_->mutex);
  return state_->atoms.size();
}

std::size_t LassoDictionary::dims() const { return state_->atoms.dims(); }

void LassoDictionary::add(MatrixView<const float> rows, std::int64_t label, std::size_t threads) {
  const std::size_t d = dims();
  if (rows.cols != d)
    throw std::invalid_argument("atoms: expected " + std::to_string(d) +
                                " columns like the dictionary, got " + std::to_string(rows.cols));
  const std::shared_ptr<float[]> array(new float[rows.rows * d]);
  std::copy_n(rows.data, rows.rows * d, array.get());
  const std::unique_lock lock(state_->mutex);
  State& state = *state_;
  state.arrays.reserve(state.arrays.size() + rows.rows);
  state.labels.reserve(state.labels.size() + rows.rows);
  state.atoms.append({array.get(), rows.rows, d}, "atoms", threads);
  state.arrays.insert(state.arrays.end(), rows.rows, array);
  state.labels.insert(state.labels.end(), rows.rows, label);
}

std::size_t LassoDictionary::remove(std::int64_t label) {
  const std::unique_lock lock(state_->mutex);
  State& state = *state_;
  const std::size_t before = state.labels.size();
  for (std::size_t j = before; j-- > 0;) {  // from the end: the atom that takes the place has been seen
    if (state.labels[j] != label) continue;
    state.atoms.remove(j);
    state.arrays[j] = std::move(state.arrays.back());
    state.arrays.pop_back();
    state.labels[j] = state.labels.back();
    state.labels.pop_back();
  }
  return before - state.labels.size();
}

LassoCodes LassoDictionary::lasso(MatrixView<const float> queries, const LassoOptions& options) const {
  return std::move(lasso_path(queries, std::span(&options.lam, 1), options).front());
}

std::vector<LassoCodes> LassoDictionary::lasso_path(MatrixView<const float> queries,
                                                    std::span<const double> lams,
                                                    const LassoOptions& options) const {
  const std::shared_lock lock(state_->mutex);
  std::vector<LassoCodes> path = lasso_solvers::solve(state_->atoms, queries, lams, options);
  for (LassoCodes& codes : path)
    for (const std::int32_t atom : codes.indices) codes.labels.push_back(state_->labels[atom]);
  return path;
}

}  // namespace fastface
