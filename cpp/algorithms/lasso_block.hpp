// The loop that every lasso solver shares; internal to cpp/algorithms.
#pragma once

#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "algorithms/lasso_problem.hpp"
#include "core/watch.hpp"

namespace fastface::lasso_solvers {

// What a pass over all atoms told of one vector: correlations[j] is within error(atoms, j) of
// <atom j, vector>.
struct Told {
  const float* correlations;
  double norm;      // times an atom's residual, and ...
  double residual;  // ... this times its norm: by how much words may be wrong; norm is 0 for float32

  double error(const Atoms& atoms, std::size_t j) const {
    return residual * atoms.norm(j) + (norm > 0 ? norm * atoms.residual(j) : 0);
  }
  double largest_error(const Atoms& atoms) const {
    return residual * atoms.largest_norm() + norm * atoms.largest_residual();
  }
};

// Correlates a few vectors with all atoms at once.
class Correlator {
 public:
  Correlator(const Atoms& atoms, std::size_t most_vectors);

  // In float32, or from words: several times as fast, and right to about a hundredth of the norms.
  // What is told lasts until the next call.
  std::span<const Told> exactly(std::span<const float* const> vectors);
  std::span<const Told> roughly(std::span<const float* const> vectors);

 private:
  const Atoms& atoms_;
  std::vector<float> correlations_;
  std::vector<Told> told_;
  std::vector<std::int8_t> values_;
  std::vector<std::int32_t> words_;
  std::vector<RowBound> bounds_;
};

// Correlates the residuals of all unfinished queries with all atoms, hands each what that told by
// step(state, told) until it returns true, and collects state.code(). state.rough() says whether words
// will do for the next pass.
template <class State, class Step>
void solve_in_step(Correlator& correlator, std::span<State> states, std::span<Code> codes, Step step) {
  std::vector<std::size_t> live(states.size());
  std::iota(live.begin(), live.end(), std::size_t{0});
  std::vector<std::size_t> group;
  std::vector<const float*> residuals;
  while (!live.empty()) {
    std::vector<std::size_t> unfinished;
    const bool rough = states[live.front()].rough();
    group.clear();
    residuals.clear();
    for (const std::size_t index : live) {
      if (states[index].rough() != rough) {
        unfinished.push_back(index);
        continue;
      }
      group.push_back(index);
      residuals.push_back(states[index].residual().data());
    }
    const std::span<const Told> told = rough ? correlator.roughly(residuals) : correlator.exactly(residuals);
    for (std::size_t t = 0; t < group.size(); ++t) {
      State& state = states[group[t]];
      if (step(state, told[t])) {
        codes[group[t]] = state.code();
        advance(1);
      } else {
        unfinished.push_back(group[t]);
      }
    }
    live.swap(unfinished);
  }
}

}  // namespace fastface::lasso_solvers
