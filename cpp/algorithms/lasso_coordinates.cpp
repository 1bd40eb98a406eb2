// Coordinate descent in three nested sets: the working set, where the passes are made; the
// candidates, whose correlations follow every change of the residual; and all atoms, correlated for
// a block of queries at once and as rarely as possible. An atom a outside the candidates is ruled
// out without being computed: |<a, r>| <= |<a, r0>| + |a| |r - r0|, where r0 is the residual of the
// last time that all atoms were correlated.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "algorithms/lasso_block.hpp"
#include "algorithms/lasso_problem.hpp"
#include "algorithms/lasso_working_set.hpp"

namespace fastface::lasso_solvers {

namespace {

constexpr std::size_t kFirstMembers = 24;  // about as many as the code of a face has coefficients
constexpr std::size_t kFewestCandidates = 128;
constexpr double kTiny = std::numeric_limits<double>::min();
constexpr std::size_t kSample = 256;  // correlations from which the candidates' quantile is read

// Buffers that the queries of a block use in turn.
struct Scratch {
  explicit Scratch(std::size_t n_atoms)
      : few(std::max(n_atoms / 32, kFewestCandidates)),
        found(n_atoms),
        is_candidate(n_atoms),
        is_member(n_atoms) {}

  std::size_t few;  // how many candidates are worth the effort
  std::vector<std::int32_t> candidates;
  std::vector<float> correlations;  // of the candidates with the residual
  std::vector<std::pair<float, std::int32_t>> violators;
  std::vector<std::int32_t> admitted;
  std::vector<const float*> rows;
  std::vector<std::int32_t> found;
  std::vector<float> sample;
  std::vector<std::uint8_t> is_candidate;
  std::vector<std::uint8_t> is_member;
};

class Query {
 public:
  Query(const Problem& problem, const float* query)
      : problem_(&problem), members_(problem), residual_(problem, query) {}

  std::span<const float> residual() const { return residual_.values(); }

  // Goes as far as `correlations`, those of all atoms with residual(), can tell. True when done.
  bool advance(const float* correlations, Scratch& scratch);
  Code code() const;

 private:
  void choose_candidates(const float* correlations, Scratch& scratch);
  void admit(std::int32_t atom, Scratch& scratch) const;
  void correlate_candidates(std::size_t first, Scratch& scratch) const;
  std::span<const std::int32_t> find_pulling(const float* correlations, float least, Scratch& scratch) const;
  bool settled(const Scratch& scratch);
  void improve(Scratch& scratch);
  bool admit_reachable(const float* correlations, Scratch& scratch) const;

  const Problem* problem_;
  WorkingSet members_;
  Residual residual_;
  std::vector<float> reference_;  // the residual that all atoms were last correlated with
  double fineness_ = 0.1;         // how finely to solve in the working set, in units of the gap
  double estimate_ = 0;           // the gap over the candidates when they were last looked at
  double last_estimate_ = std::numeric_limits<double>::infinity();  // one solution before, same members
  double hardest_pull_ = 0;
  double gap_ = 0;
  int n_iter_ = 0;
  bool stalled_ = false;
};

bool Query::advance(const float* correlations, Scratch& scratch) {
  reference_.assign(residual().begin(), residual().end());
  for (const std::int32_t atom : members_.atoms()) scratch.is_member[atom] = 1;
  choose_candidates(correlations, scratch);

  bool done = false;
  for (;;) {
    while (!settled(scratch)) improve(scratch);
    const std::size_t known = scratch.candidates.size();
    if (!admit_reachable(correlations, scratch)) break;  // too many: correlate all atoms again
    done = scratch.candidates.size() == known;
    if (done) break;
    correlate_candidates(known, scratch);
    stalled_ = false;
  }

  for (const std::int32_t atom : scratch.candidates) scratch.is_candidate[atom] = 0;
  for (const std::int32_t atom : members_.atoms()) scratch.is_member[atom] = 0;
  return done;
}

void Query::admit(std::int32_t atom, Scratch& scratch) const {
  scratch.is_candidate[atom] = 1;
  scratch.candidates.push_back(atom);
}

// The members and about `few` atoms of the hardest pulls.
void Query::choose_candidates(const float* correlations, Scratch& scratch) {
  const Problem& problem = *problem_;
  const std::size_t n_atoms = problem.n_atoms();
  float least = 0;  // all of them
  if (n_atoms > 2 * scratch.few) {
    // A quantile of a sample is near enough: the choice bears on speed, not on the result's gap.
    const std::size_t stride = std::max<std::size_t>(n_atoms / kSample, 1);
    scratch.sample.clear();
    for (std::size_t j = 0; j < n_atoms; j += stride) scratch.sample.push_back(problem.pull(correlations[j]));
    const std::size_t rank = scratch.sample.size() * scratch.few / n_atoms;
    const auto nth = scratch.sample.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(scratch.sample.begin(), nth, scratch.sample.end(), std::greater<>());
    least = std::max(*nth, 0.0f);
  }
  scratch.candidates.clear();
  for (const std::int32_t atom : members_.atoms()) admit(atom, scratch);
  for (const std::int32_t atom : find_pulling(correlations, least, scratch))
    if (!scratch.is_candidate[atom]) admit(atom, scratch);
  scratch.correlations.clear();
  for (const std::int32_t atom : scratch.candidates) scratch.correlations.push_back(correlations[atom]);
  stalled_ = false;
}

std::span<const std::int32_t> Query::find_pulling(const float* correlations, float least,
                                                  Scratch& scratch) const {
  const std::size_t count = problem_->kernels.find_pulling(correlations, problem_->n_atoms(), least,
                                                           problem_->positive, scratch.found.data());
  return std::span(scratch.found).first(count);
}

void Query::correlate_candidates(std::size_t first, Scratch& scratch) const {
  const Problem& problem = *problem_;
  const std::size_t count = scratch.candidates.size() - first;
  scratch.rows.resize(count);
  for (std::size_t t = 0; t < count; ++t) scratch.rows[t] = problem.atoms[scratch.candidates[first + t]];
  scratch.correlations.resize(scratch.candidates.size());
  const float* residual_row = residual().data();
  problem.kernels.row_products(&residual_row, 1, scratch.rows.data(), count, problem.n_dimensions(),
                               scratch.correlations.data() + first, count);
}

// Whether to leave the candidates: certified over them, or no way to do better.
bool Query::settled(const Scratch& scratch) {
  float hardest = 0;
  for (const float correlation : scratch.correlations)
    hardest = std::max(hardest, problem_->pull(correlation));
  estimate_ = residual_.gap(hardest);
  const bool give_up = stalled_ || n_iter_ >= problem_->max_iter;
  if (!(estimate_ <= problem_->tol) && !give_up) return false;
  hardest_pull_ = residual_.hardest_pull(scratch.candidates, scratch.correlations);
  gap_ = residual_.gap(hardest_pull_);
  return gap_ <= problem_->tol || give_up;
}

// Lets the atoms that pull hardest into the working set and solves there.
void Query::improve(Scratch& scratch) {
  const Problem& problem = *problem_;
  const auto threshold = static_cast<float>(problem.threshold);
  auto& violators = scratch.violators;
  violators.clear();
  for (std::size_t t = 0; t < scratch.candidates.size(); ++t) {
    const float pull = problem.pull(scratch.correlations[t]);
    if (pull > threshold && !scratch.is_member[scratch.candidates[t]])
      violators.emplace_back(-pull, scratch.candidates[t]);  // sorts hardest first, ties by index
  }
  const std::size_t room = std::max(kFirstMembers, members_.atoms().size());
  if (violators.size() > room) {
    std::nth_element(violators.begin(), violators.begin() + static_cast<std::ptrdiff_t>(room),
                     violators.end());
    violators.resize(room);
  }
  std::sort(violators.begin(), violators.end());

  scratch.admitted.clear();
  for (const auto& [pull, atom] : violators) {
    scratch.admitted.push_back(atom);
    scratch.is_member[atom] = 1;
  }
  members_.add(scratch.admitted);

  // An excess pull v adds about v * |x|_1 to the gap. One per cent of the threshold is always asked
  // for, and float32 correlations cannot tell more than `finest`.
  const double energy = residual_.query_squared();
  const double finest = 2e-7 * std::sqrt(energy) * problem.largest_norm;
  const double coarsest = 1e-2 * problem.threshold;
  double accuracy =
      fineness_ * std::min(problem.tol * energy / std::max(residual_.l1(), kTiny), 0.1 * problem.threshold);
  if (!violators.empty()) {
    // No use in solving much more finely than the atoms still outside allow.
    accuracy = std::max(accuracy, std::min(0.1 * (-violators.front().first - problem.threshold), coarsest));
    last_estimate_ = std::numeric_limits<double>::infinity();
  } else {
    stalled_ = accuracy <= finest && !(estimate_ < 0.5 * last_estimate_);
    last_estimate_ = estimate_;
    fineness_ *= 0.1;
  }
  n_iter_ +=
      members_.solve(residual(), static_cast<float>(std::max(accuracy, finest)), problem.max_iter - n_iter_);
  residual_.update(members_.atoms(), members_.values());
  correlate_candidates(0, scratch);
}

// Makes candidates of the atoms outside that may pull harder than any candidate does. False, and
// nothing done, if they are many and correlating all atoms again would tell more.
bool Query::admit_reachable(const float* correlations, Scratch& scratch) const {
  const Problem& problem = *problem_;
  double moved = 0;
  double reference = 0;
  for (std::size_t k = 0; k < reference_.size(); ++k) {
    const double before = reference_[k];
    moved += (residual()[k] - before) * (residual()[k] - before);
    reference += before * before;
  }
  const double reach = std::sqrt(moved) + rounding_error(reference_.size()) * std::sqrt(reference);
  scratch.admitted.clear();
  const auto least = static_cast<float>((1 - 1e-6) * hardest_pull_ - reach * problem.largest_norm);
  for (const std::int32_t atom : find_pulling(correlations, least, scratch)) {
    if (scratch.is_candidate[atom] ||
        problem.pull(correlations[atom]) + reach * problem.norms[atom] < hardest_pull_)
      continue;
    if (moved > 0 && scratch.admitted.size() == scratch.few) return false;
    scratch.admitted.push_back(atom);
  }
  for (const std::int32_t atom : scratch.admitted) admit(atom, scratch);
  return true;
}

Code Query::code() const {
  std::vector<std::pair<std::int32_t, float>> entries;
  for (std::size_t t = 0; t < members_.atoms().size(); ++t)
    if (members_.values()[t] != 0) entries.emplace_back(members_.atoms()[t], members_.values()[t]);
  std::sort(entries.begin(), entries.end());
  Code code;
  code.gap = gap_;
  code.n_iter = n_iter_;
  for (const auto& [atom, value] : entries) {
    code.atoms.push_back(atom);
    code.values.push_back(value);
  }
  return code;
}

}  // namespace

void solve_by_coordinates(const Problem& problem, MatrixView<const float> queries, std::span<Code> codes) {
  std::vector<Query> states;
  for (std::size_t i = 0; i < queries.rows; ++i) states.emplace_back(problem, queries.row(i));
  Scratch scratch(problem.n_atoms());
  solve_in_step(problem, states, codes, [&scratch](Query& state, const float* correlations) {
    return state.advance(correlations, scratch);
  });
}

}  // namespace fastface::lasso_solvers
