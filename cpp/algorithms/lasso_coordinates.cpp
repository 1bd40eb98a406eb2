// Coordinate descent in three nested sets: the working set, where the passes are made; the
// candidates, whose correlations follow every change of the residual; and all atoms, correlated for
// a block of queries at once and as rarely as possible. An atom a outside the candidates is ruled
// out without being computed: |<a, r>| <= |told| + error + |a| |r - r0|, where r0 is the residual of the
// last time that all atoms were correlated, from their 8-bit words if that was worth its while.
//
// Of a small dictionary with a Gram matrix all atoms are candidates, and their correlations follow from
// those with the query itself: D r = D y - (D D') x.
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
        found(n_atoms + kFindingRoom),
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
  Query(const Problem& problem, StepBuffers& buffers, const float* query)
      : problem_(&problem),
        members_(problem, buffers),
        residual_(problem, query),
        rough_(problem.atoms.has_words() && !problem.atoms.has_gram()) {}

  std::span<const float> residual() const { return residual_.values(); }

  bool rough() const { return rough_; }

  // Goes as far as what was told of residual() allows. True when done.
  bool advance(const Told& told, Scratch& scratch);
  // To be solved again, from here, for another threshold.
  void restart();
  Code code() const;

 private:
  bool start(const Told& told, Scratch& scratch);
  void choose_candidates(const Told& told, Scratch& scratch);
  std::span<const std::int32_t> find_hardest(const Told& told, double least, Scratch& scratch) const;
  void admit(std::int32_t atom, Scratch& scratch) const;
  void correlate_candidates(std::size_t first, Scratch& scratch) const;
  void follow_by_gram(Scratch& scratch) const;
  double error_per_norm() const;
  std::span<const std::int32_t> find_pulling(const float* correlations, float least, Scratch& scratch) const;
  bool settled(Scratch& scratch);
  void improve(Scratch& scratch);
  bool admit_reachable(const Told& told, Scratch& scratch);

  const Problem* problem_;
  WorkingSet members_;
  Residual residual_;
  std::vector<float> reference_;  // the residual that all atoms were last correlated with
  std::vector<float> inner_;      // of all atoms with the query, where there is a Gram matrix
  double fineness_ = 0.1;         // how finely to solve in the working set, in units of the gap
  double estimate_ = 0;           // the gap over the candidates when they were last looked at
  double last_estimate_ = std::numeric_limits<double>::infinity();  // one solution before, same members
  double hardest_pull_ = 0;
  double gap_ = 0;
  int n_iter_ = 0;
  bool stalled_ = false;
  bool rough_;  // whether words can still tell atoms apart
};

void Query::restart() {
  n_iter_ = 0;
  fineness_ = 0.1;
  last_estimate_ = std::numeric_limits<double>::infinity();
  stalled_ = false;
}

bool Query::advance(const Told& told, Scratch& scratch) {
  reference_.assign(residual().begin(), residual().end());
  for (const std::int32_t atom : members_.atoms()) scratch.is_member[atom] = 1;
  bool done = false;
  if (!(rough_ && members_.atoms().empty() && start(told, scratch))) {
    choose_candidates(told, scratch);
    for (;;) {
      while (!settled(scratch)) {
        improve(scratch);
        correlate_candidates(0, scratch);
      }
      const std::size_t known = scratch.candidates.size();
      if (!admit_reachable(told, scratch)) break;  // too many: correlate all atoms again
      done = scratch.candidates.size() == known;
      if (done) break;
      correlate_candidates(known, scratch);
      stalled_ = false;
    }
  }
  for (const std::int32_t atom : scratch.candidates) scratch.is_candidate[atom] = 0;
  for (const std::int32_t atom : members_.atoms()) scratch.is_member[atom] = 0;
  return done;
}

// The first working set, by what words tell: right or not, the next pass over all atoms will say, and
// with a residual so much smaller that there are fewer candidates to look at. False if no atom pulls.
bool Query::start(const Told& told, Scratch& scratch) {
  scratch.candidates.clear();
  for (const std::int32_t atom : find_hardest(told, problem_->threshold, scratch))
    scratch.candidates.push_back(atom);
  if (scratch.candidates.empty()) return false;
  scratch.correlations.clear();
  for (const std::int32_t atom : scratch.candidates) scratch.correlations.push_back(told.correlations[atom]);
  improve(scratch);
  return !members_.atoms().empty();  // not if the hardest pull is the threshold itself
}

void Query::admit(std::int32_t atom, Scratch& scratch) const {
  scratch.is_candidate[atom] = 1;
  scratch.candidates.push_back(atom);
}

// The members and about `few` atoms of the hardest pulls.
void Query::choose_candidates(const Told& told, Scratch& scratch) {
  const Problem& problem = *problem_;
  const std::size_t n_atoms = problem.atoms.size();
  scratch.candidates.clear();
  stalled_ = false;
  if (problem.atoms.has_gram()) {
    for (std::size_t j = 0; j < n_atoms; ++j) scratch.candidates.push_back(static_cast<std::int32_t>(j));
    scratch.correlations.assign(told.correlations, told.correlations + n_atoms);
    if (inner_.empty()) inner_ = scratch.correlations;
    return;
  }
  // Below this, words rule an atom out; float32 is as well followed some way down.
  const double least = rough_ ? problem.threshold - told.largest_error(problem.atoms) : 0;
  for (const std::int32_t atom : members_.atoms()) admit(atom, scratch);
  for (const std::int32_t atom : find_hardest(told, least, scratch))
    if (!scratch.is_candidate[atom]) admit(atom, scratch);
  if (rough_) {
    correlate_candidates(0, scratch);
  } else {
    scratch.correlations.clear();
    for (const std::int32_t atom : scratch.candidates)
      scratch.correlations.push_back(told.correlations[atom]);
  }
}

// The atoms that pull at least so hard, or about `few` of them where they are many.
std::span<const std::int32_t> Query::find_hardest(const Told& told, double least, Scratch& scratch) const {
  const std::size_t n_atoms = problem_->atoms.size();
  std::span<const std::int32_t> found =
      find_pulling(told.correlations, static_cast<float>(std::max(least, 0.0)), scratch);
  if (found.size() <= 2 * scratch.few) return found;
  // A quantile of a sample is near enough: the choice bears on speed, not on the result's gap.
  const std::size_t stride = std::max<std::size_t>(n_atoms / kSample, 1);
  scratch.sample.clear();
  for (std::size_t j = 0; j < n_atoms; j += stride)
    scratch.sample.push_back(problem_->pull(told.correlations[j]));
  const auto nth =
      scratch.sample.begin() + static_cast<std::ptrdiff_t>(scratch.sample.size() * scratch.few / n_atoms);
  std::nth_element(scratch.sample.begin(), nth, scratch.sample.end(), std::greater<>());
  return find_pulling(told.correlations, std::max(*nth, 0.0f), scratch);
}

std::span<const std::int32_t> Query::find_pulling(const float* correlations, float least,
                                                  Scratch& scratch) const {
  const std::size_t count = problem_->kernels.find_pulling(correlations, problem_->atoms.size(), least,
                                                           problem_->positive, scratch.found.data());
  return std::span(scratch.found).first(count);
}

void Query::correlate_candidates(std::size_t first, Scratch& scratch) const {
  const Problem& problem = *problem_;
  if (problem.atoms.has_gram()) {
    follow_by_gram(scratch);
    return;
  }
  const std::size_t count = scratch.candidates.size() - first;
  scratch.rows.resize(count);
  for (std::size_t t = 0; t < count; ++t) scratch.rows[t] = problem.atoms.row(scratch.candidates[first + t]);
  scratch.correlations.resize(scratch.candidates.size());
  const float* residual_row = residual().data();
  problem.kernels.row_products(&residual_row, 1, scratch.rows.data(), count, problem.atoms.dims(),
                               scratch.correlations.data() + first, count);
}

void Query::follow_by_gram(Scratch& scratch) const {
  const Problem& problem = *problem_;
  scratch.correlations = inner_;
  for (std::size_t t = 0; t < members_.atoms().size(); ++t)
    if (members_.values()[t] != 0)
      problem.kernels.axpy(-members_.values()[t], problem.atoms.gram_row(members_.atoms()[t]),
                           scratch.correlations.data(), problem.atoms.size());
}

// Bound on the error of a candidate's correlation, in units of its norm.
double Query::error_per_norm() const {
  const Atoms& atoms = problem_->atoms;
  if (!atoms.has_gram()) return residual_.error_per_norm();
  // Every product is off by rounding_error() of its norms, and so is every addition of one.
  return rounding_error(atoms.dims() + members_.atoms().size()) *
         (std::sqrt(residual_.query_squared()) + residual_.l1() * atoms.largest_norm());
}

// Whether to leave the candidates: certified over them, or no way to do better.
bool Query::settled(Scratch& scratch) {
  const Problem& problem = *problem_;
  estimate_ = residual_.gap(problem.kernels.hardest_pull(scratch.correlations.data(),
                                                         scratch.correlations.size(), problem.positive));
  const bool give_up = stalled_ || n_iter_ >= problem.max_iter;
  if (!(estimate_ <= problem.tol) && !give_up) return false;
  hardest_pull_ =
      residual_.hardest_pull(scratch.candidates, scratch.correlations, error_per_norm(), scratch.found);
  gap_ = residual_.gap(hardest_pull_);
  return gap_ <= problem.tol || give_up;
}

// Lets the atoms that pull hardest into the working set and solves there.
void Query::improve(Scratch& scratch) {
  const Problem& problem = *problem_;
  auto& violators = scratch.violators;
  violators.clear();
  const auto above = std::nextafter(static_cast<float>(problem.threshold), 1e30f);
  const std::size_t count =
      problem.kernels.find_pulling(scratch.correlations.data(), scratch.correlations.size(), above,
                                   problem.positive, scratch.found.data());
  for (const std::int32_t t : std::span(scratch.found).first(count))
    if (!scratch.is_member[scratch.candidates[t]])  // sorts hardest first, ties by index
      violators.emplace_back(-problem.pull(scratch.correlations[t]), scratch.candidates[t]);
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
  const double finest = 2e-7 * std::sqrt(energy) * problem.atoms.largest_norm();
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
  if (problem.atoms.has_gram())
    members_.take_correlations(scratch.correlations);
  else
    members_.correlate_with(residual());
  n_iter_ += members_.solve(static_cast<float>(std::max(accuracy, finest)), problem.max_iter - n_iter_);
  residual_.update(members_.atoms(), members_.values());
}

// Makes candidates of the atoms outside that may pull harder than any candidate does. False, and
// nothing done, if they are many and correlating all atoms again would tell more.
bool Query::admit_reachable(const Told& told, Scratch& scratch) {
  const Problem& problem = *problem_;
  const Atoms& atoms = problem.atoms;
  if (scratch.candidates.size() == atoms.size()) return true;
  double moved = 0;
  for (std::size_t k = 0; k < reference_.size(); ++k) {
    const double change = static_cast<double>(residual()[k]) - reference_[k];
    moved += change * change;
  }
  const double reach = std::sqrt(moved);
  scratch.admitted.clear();
  const auto least = static_cast<float>((1 - 1e-6) * hardest_pull_ - reach * atoms.largest_norm() -
                                        told.largest_error(atoms));
  for (const std::int32_t atom : find_pulling(told.correlations, least, scratch)) {
    const double at_most =
        problem.pull(told.correlations[atom]) + told.error(atoms, atom) + reach * atoms.norm(atom);
    if (scratch.is_candidate[atom] || at_most < hardest_pull_) continue;
    if ((moved > 0 || rough_) && scratch.admitted.size() == scratch.few) {
      if (moved == 0) rough_ = false;
      return false;
    }
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

void solve_by_coordinates(const Problem& shared, MatrixView<const float> queries,
                          std::span<const double> lams, std::span<const std::span<Code>> codes) {
  Problem problem = shared;
  StepBuffers buffers;
  std::vector<Query> states;
  states.reserve(queries.rows);
  for (std::size_t i = 0; i < queries.rows; ++i) states.emplace_back(problem, buffers, queries.row(i));
  Scratch scratch(problem.atoms.size());
  Correlator correlator(problem.atoms, queries.rows);
  for (std::size_t k = 0; k < lams.size(); ++k) {
    problem.threshold = 0.5 * lams[k];
    for (Query& state : states) state.restart();
    solve_in_step(correlator, std::span(states), codes[k],
                  [&](Query& state, const Told& told) { return state.advance(told, scratch); });
  }
}

}  // namespace fastface::lasso_solvers
