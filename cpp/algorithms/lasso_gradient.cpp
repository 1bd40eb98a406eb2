// Proximal gradient steps on all atoms, plain (ISTA) or accelerated with adaptive restart (FISTA).
// The queries of a block step together, so that their correlations are computed together.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "algorithms/lasso_block.hpp"
#include "algorithms/lasso_problem.hpp"
#include "core/watch.hpp"

namespace fastface::lasso_solvers {

namespace {

// Coefficients of every atom and the vector that they explain.
struct Point {
  std::vector<float> x;
  std::vector<float> explained;

  explicit Point(const Problem& problem) : x(problem.atoms.size()), explained(problem.atoms.dims()) {}
};

double squared_distance(std::span<const float> a, std::span<const float> b) {
  double total = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const double difference = static_cast<double>(a[k]) - b[k];
    total += difference * difference;
  }
  return total;
}

// A step may always be shorter; with this one no rate overflows, however small the atoms.
constexpr double kLeastLipschitz = 1e-30;

class Query {
 public:
  Query(const Problem& problem, const float* query, double lipschitz)
      : problem_(&problem),
        query_(query, problem.atoms.dims()),
        lipschitz_(std::max(lipschitz, kLeastLipschitz)),
        certify_below_(problem.tol),
        current_(problem),
        ahead_(problem),
        next_(problem),
        residual_(query_.begin(), query_.end()),
        certificate_(problem, query) {}

  // Of the point that the next step starts from.
  std::span<const float> residual() const { return residual_; }

  bool rough() const { return false; }

  // One step by `correlations`, those of all atoms with residual(). True when done.
  bool step(const float* correlations, bool accelerate);
  // To be solved again, from here, for another threshold.
  void restart();
  Code code() const { return {support_, values_, gap_, n_iter_}; }

 private:
  void shrink(const float* correlations);
  double dual(const float* correlations) const;
  bool certified();
  void extrapolate(bool accelerate);

  const Problem* problem_;
  std::span<const float> query_;
  double lipschitz_;
  double certify_below_;  // evaluate the certificate when the estimated gap is at most this
  double momentum_ = 1;
  Point current_, ahead_, next_;  // x_k, the extrapolated point, x_{k+1}
  std::vector<float> residual_;   // y - ahead_.explained
  Residual certificate_;
  std::vector<std::int32_t> support_;
  std::vector<float> values_;
  double gap_ = 0;
  int n_iter_ = 0;
};

// next = the minimiser of the quadratic model at `ahead`. The model must lie above the objective: the
// estimate of the Lipschitz constant is raised where it turns out too small.
void Query::shrink(const float* correlations) {
  const Problem& problem = *problem_;
  const double rounding = 1e-10 * certificate_.query_squared();
  for (;; lipschitz_ *= 1.5) {
    const auto rate = static_cast<float>(1 / lipschitz_);
    const auto threshold = static_cast<float>(problem.threshold / lipschitz_);
    std::ranges::fill(next_.explained, 0.0f);
    for (std::size_t j = 0; j < problem.atoms.size(); ++j) {
      const float moved = ahead_.x[j] + rate * correlations[j];
      const float size = std::max(problem.pull(moved) - threshold, 0.0f);
      next_.x[j] = moved < 0 ? -size : size;
      if (next_.x[j] != 0)
        problem.kernels.axpy(next_.x[j], problem.atoms.row(j), next_.explained.data(), problem.atoms.dims());
    }
    const double bent = squared_distance(next_.explained, ahead_.explained);
    if (!(bent > lipschitz_ * squared_distance(next_.x, ahead_.x) + rounding)) return;
  }
}

// Dual objective at the residual of `ahead`, scaled until feasible.
double Query::dual(const float* correlations) const {
  const float hardest =
      problem_->kernels.hardest_pull(correlations, problem_->atoms.size(), problem_->positive);
  const double scale = hardest > problem_->threshold ? problem_->threshold / hardest : 1;
  double inner = 0;
  double squared = 0;
  for (std::size_t k = 0; k < query_.size(); ++k) {
    inner += static_cast<double>(query_[k]) * residual_[k];
    squared += static_cast<double>(residual_[k]) * residual_[k];
  }
  return scale * inner - 0.5 * scale * scale * squared;
}

bool Query::step(const float* correlations, bool accelerate) {
  shrink(correlations);
  ++n_iter_;
  double l1 = 0;
  for (const float value : next_.x) l1 += std::abs(value);
  const double primal = 0.5 * squared_distance(query_, next_.explained) + problem_->threshold * l1;
  const double estimate = (primal - dual(correlations)) / (0.5 * certificate_.query_squared());

  const bool give_up = n_iter_ >= problem_->max_iter || (next_.x == current_.x && current_.x == ahead_.x);
  if (!(estimate > certify_below_) || give_up) {
    if (certified() || give_up) return true;
    certify_below_ = 0.25 * estimate;
  }
  extrapolate(accelerate);
  return false;
}

bool Query::certified() {
  const Problem& problem = *problem_;
  support_.clear();
  values_.clear();
  for (std::size_t j = 0; j < problem.atoms.size(); ++j) {
    if (next_.x[j] == 0) continue;
    support_.push_back(static_cast<std::int32_t>(j));
    values_.push_back(next_.x[j]);
  }
  certificate_.update(support_, values_);
  std::vector<float> correlations(problem.atoms.size());
  const float* residual = certificate_.values().data();
  problem.kernels.row_products(&residual, 1, problem.atoms.rows().data(), problem.atoms.size(),
                               problem.atoms.dims(), correlations.data(), problem.atoms.size());
  std::vector<std::int32_t> atoms(problem.atoms.size());
  std::iota(atoms.begin(), atoms.end(), 0);
  std::vector<std::int32_t> found(atoms.size() + kFindingRoom);
  gap_ =
      certificate_.gap(certificate_.hardest_pull(atoms, correlations, certificate_.error_per_norm(), found));
  return gap_ <= problem.tol;
}

void Query::extrapolate(bool accelerate) {
  double along = 0;  // whether the step turned against the momentum
  for (std::size_t j = 0; j < next_.x.size(); ++j)
    along +=
        (static_cast<double>(ahead_.x[j]) - next_.x[j]) * (static_cast<double>(next_.x[j]) - current_.x[j]);
  if (along > 0) momentum_ = 1;
  const double raised = 0.5 * (1 + std::sqrt(1 + 4 * momentum_ * momentum_));
  const auto beta = static_cast<float>(accelerate ? (momentum_ - 1) / raised : 0);
  momentum_ = raised;

  const auto combine = [beta](const std::vector<float>& next, const std::vector<float>& current,
                              std::vector<float>& ahead) {
    for (std::size_t k = 0; k < next.size(); ++k) ahead[k] = next[k] + beta * (next[k] - current[k]);
  };
  combine(next_.x, current_.x, ahead_.x);
  combine(next_.explained, current_.explained, ahead_.explained);
  for (std::size_t k = 0; k < query_.size(); ++k) residual_[k] = query_[k] - ahead_.explained[k];
  std::swap(current_, next_);
}

void Query::restart() {
  n_iter_ = 0;
  certify_below_ = problem_->tol;
  momentum_ = 1;
  current_ = ahead_ = next_;
  for (std::size_t k = 0; k < query_.size(); ++k) residual_[k] = query_[k] - ahead_.explained[k];
}

}  // namespace

double estimate_lipschitz(const Atoms& atoms) {
  const std::size_t d = atoms.dims();
  // From the longest atom: the estimate is at least its squared norm, never zero by accident.
  const auto longest = std::ranges::max_element(atoms.norms()) - atoms.norms().begin();
  if (atoms.size() == 0) return 1;
  const float* start = atoms.row(static_cast<std::size_t>(longest));
  std::vector<float> v(start, start + d);
  std::vector<float> image(d);
  double eigenvalue = 0;
  Breath breath;
  for (int iteration = 0; iteration < 30; ++iteration) {
    double squared = 0;  // an image of tiny atoms is beyond the squares of float32
    for (const float value : v) squared += static_cast<double>(value) * value;
    if (squared == 0) break;
    const double norm = std::sqrt(squared);
    for (float& value : v) value = static_cast<float>(value / norm);
    std::ranges::fill(image, 0.0f);
    for (std::size_t j = 0; j < atoms.size(); ++j) {
      const float* atom = atoms.row(j);
      atoms.kernels().axpy(atoms.kernels().dot(atom, v.data(), d), atom, image.data(), d);
      breath();
    }
    const double before = eigenvalue;
    eigenvalue = atoms.kernels().dot(v.data(), image.data(), d);
    v.swap(image);
    if (eigenvalue - before <= 1e-3 * eigenvalue) break;
  }
  return eigenvalue > 0 ? eigenvalue : 1;
}

void solve_by_gradient(const Problem& shared, MatrixView<const float> queries, std::span<const double> lams,
                       bool accelerate, double lipschitz, std::span<const std::span<Code>> codes) {
  Problem problem = shared;
  std::vector<Query> states;
  for (std::size_t i = 0; i < queries.rows; ++i) states.emplace_back(problem, queries.row(i), lipschitz);
  Correlator correlator(problem.atoms, queries.rows);
  for (std::size_t k = 0; k < lams.size(); ++k) {
    problem.threshold = 0.5 * lams[k];
    for (Query& state : states) state.restart();
    solve_in_step(correlator, std::span(states), codes[k], [accelerate](Query& state, const Told& told) {
      return state.step(told.correlations, accelerate);
    });
  }
}

}  // namespace fastface::lasso_solvers
