// The loop that every lasso solver shares; internal to cpp/algorithms.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "algorithms/lasso_problem.hpp"

namespace fastface::lasso_solvers {

// Correlates the residuals of all unfinished queries with all atoms at once, hands each its row by
// step(state, correlations) until that returns true, and collects state.code().
template <class State, class Step>
void solve_in_step(const Problem& problem, std::vector<State>& states, std::span<Code> codes, Step step) {
  const std::size_t d = problem.n_dimensions();
  std::vector<std::size_t> live(states.size());
  std::iota(live.begin(), live.end(), std::size_t{0});
  std::vector<float> residuals(states.size() * d);
  std::vector<float> correlations(states.size() * problem.n_atoms());
  while (!live.empty()) {
    for (std::size_t t = 0; t < live.size(); ++t)
      std::ranges::copy(states[live[t]].residual(), residuals.data() + t * d);
    correlate(problem, {residuals.data(), live.size(), d},
              {correlations.data(), live.size(), problem.n_atoms()});
    std::vector<std::size_t> unfinished;
    for (std::size_t t = 0; t < live.size(); ++t) {
      State& state = states[live[t]];
      if (step(state, correlations.data() + t * problem.n_atoms()))
        codes[live[t]] = state.code();
      else
        unfinished.push_back(live[t]);
    }
    live.swap(unfinished);
  }
}

}  // namespace fastface::lasso_solvers
