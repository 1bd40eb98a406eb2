#include "algorithms/linkage.hpp"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "algorithms/crowd_edges.hpp"
#include "bindings/arrays.hpp"
#include "bindings/register.hpp"
#include "bindings/watched.hpp"

namespace fastface::bindings {
namespace {

// The pairs of an (m, 2) array, which `owner` keeps alive.
std::span<const Pair> pairs(const std::optional<py::array>& array, const char* name,
                            IndexArray<std::int64_t>& owner) {
  static_assert(sizeof(Pair) == 2 * sizeof(std::int64_t));
  if (!array) return {};
  if (array->ndim() != 2 || array->shape(1) != 2)
    throw std::invalid_argument(std::string(name) + ": expected shape (pairs, 2), got " + shape_text(*array));
  owner = indices<std::int64_t>(*array, name);
  return {reinterpret_cast<const Pair*>(owner.data()), static_cast<std::size_t>(owner.shape(0))};
}

using MaskArray = py::array_t<bool, py::array::c_style>;

std::span<const std::uint8_t> mask(const MaskArray& array, std::size_t n, const char* name) {
  static_assert(sizeof(bool) == sizeof(std::uint8_t));
  const std::span<const bool> flags = vector(array, name);
  if (flags.size() != n)
    throw std::invalid_argument(std::string(name) + ": expected one per observation, " + std::to_string(n) +
                                ", got shape " + shape_text(array));
  return {reinterpret_cast<const std::uint8_t*>(flags.data()), flags.size()};
}

using EdgeArrays = std::tuple<py::array, py::array, FloatArray>;

// Edges as they come from Python, with ends below n.
std::vector<Edge> edges(const EdgeArrays& arrays, std::size_t n, const char* name) {
  const auto& [i, j, distance] = arrays;
  const IndexArray<std::int32_t> first = indices<std::int32_t>(i, name),
                                 second = indices<std::int32_t>(j, name);
  const auto from = vector(first, name), to = vector(second, name);
  const auto d = vector(distance, name);
  if (from.size() != to.size() || from.size() != d.size())
    throw std::invalid_argument(std::string(name) + ": expected three arrays of one length");
  std::vector<Edge> list;
  for (std::size_t k = 0; k < d.size(); ++k) {
    for (const std::int32_t end : {from[k], to[k]})
      if (end < 0 || static_cast<std::size_t>(end) >= n)
        throw std::invalid_argument(std::string(name) + ": " + std::to_string(end) + " is out of range");
    if (std::isnan(d[k])) throw std::invalid_argument(std::string(name) + ": a distance is NaN");
    list.push_back({from[k], to[k], d[k]});
  }
  return list;
}

py::tuple arrays(Edges&& list) {
  return py::make_tuple(take(std::move(list.i)), take(std::move(list.j)), take(std::move(list.d)));
}

py::tuple median_linkage(std::size_t n, const py::array& i, const py::array& j, const FloatArray& distance,
                         const std::vector<std::pair<std::int64_t, float>>& cut,
                         const std::optional<py::array>& must_link,
                         const std::optional<py::array>& cannot_link,
                         const std::optional<py::array>& soft_cannot_link, std::int64_t soft_votes,
                         const std::optional<MaskArray>& voters, const std::optional<EdgeArrays>& joined,
                         std::size_t threads, const py::object& progress) {
  const IndexArray<std::int32_t> first = indices<std::int32_t>(i, "i"),
                                 second = indices<std::int32_t>(j, "j");
  IndexArray<std::int64_t> must, cannot, soft;
  std::vector<CutStep> steps;
  for (const auto& [n_pairs, threshold] : cut) steps.push_back({n_pairs, threshold});
  const std::vector<Edge> trees = joined ? edges(*joined, n, "joined") : std::vector<Edge>{};
  LinkageProblem problem{.n = n,
                         .i = vector(first, "i"),
                         .j = vector(second, "j"),
                         .distance = vector(distance, "d"),
                         .cut = steps,
                         .must_link = pairs(must_link, "must_link", must),
                         .joined = trees,
                         .cannot_link = pairs(cannot_link, "cannot_link", cannot),
                         .soft_cannot_link = pairs(soft_cannot_link, "soft_cannot_link", soft),
                         .soft_votes = soft_votes,
                         .voters = voters ? mask(*voters, n, "voters") : std::span<const std::uint8_t>{},
                         .threads = threads};
  if (problem.i.size() != problem.j.size() || problem.i.size() != problem.distance.size())
    throw std::invalid_argument("i, j, d: expected the same length, got " + shape_text(i) + ", " +
                                shape_text(j) + " and " + shape_text(distance));

  const Linkage linkage = watched(progress, [&] { return fastface::median_linkage(problem); });
  const auto rows = static_cast<py::ssize_t>(linkage.merges.size() / 4);
  return py::make_tuple(py::array_t<std::int64_t>(static_cast<py::ssize_t>(n), linkage.labels.data()),
                        py::array_t<double>({rows, py::ssize_t{4}}, linkage.merges.data()),
                        linkage.n_clusters);
}

// One id per row of `n`, which `owner` keeps alive.
std::span<const std::int64_t> ids(const std::optional<py::array>& array, std::size_t n, const char* name,
                                  IndexArray<std::int64_t>& owner) {
  if (!array) return {};
  owner = indices<std::int64_t>(*array, name);
  const std::span<const std::int64_t> values = vector(owner, name);
  if (values.size() != n)
    throw std::invalid_argument(std::string(name) + ": expected one per row of faces, " + std::to_string(n) +
                                ", got shape " + shape_text(owner));
  return values;
}

py::tuple crowd_edges(const py::array& faces, float threshold, float crowd_threshold,
                      const std::optional<py::array>& groups, const std::optional<py::array>& together,
                      const std::optional<MaskArray>& apart, std::size_t max_members,
                      std::size_t first_sample, std::uint64_t seed, std::size_t threads,
                      const py::object& progress) {
  if (!std::isfinite(threshold)) throw std::invalid_argument("threshold: expected a finite number");
  if (!(crowd_threshold <= threshold))
    throw std::invalid_argument("crowd_threshold: expected at most the threshold");
  IndexArray<std::int64_t> group_ids, together_ids;
  const RowsArgument rows(faces, "faces");
  CrowdProblem problem{.faces = rows.view(),
                       .threshold = threshold,
                       .crowd_threshold = crowd_threshold,
                       .max_members = max_members,
                       .first_sample = first_sample,
                       .seed = seed,
                       .threads = threads};
  problem.groups = ids(groups, problem.faces.rows, "groups", group_ids);
  problem.together = ids(together, problem.faces.rows, "together", together_ids);
  if (apart) problem.apart = mask(*apart, problem.faces.rows, "apart");
  CrowdEdges found = watched(progress, [&] { return fastface::crowd_edges(problem); });
  Edges joined;
  for (const Edge& edge : found.joined) {
    joined.i.push_back(edge.i);
    joined.j.push_back(edge.j);
    joined.d.push_back(edge.d);
  }
  return py::make_tuple(arrays(std::move(found.edges)), take(std::move(found.voters)),
                        arrays(std::move(joined)));
}

}  // namespace

void register_linkage(py::module_& module) {
  module.def("crowd_edges", &crowd_edges, py::arg("faces"), py::arg("threshold"), py::arg("crowd_threshold"),
             py::arg("groups"), py::arg("together"), py::arg("apart"), py::arg("max_members"),
             py::arg("first_sample"), py::arg("seed"), py::arg("threads"), py::arg("progress"));
  module.def("median_linkage", &median_linkage, py::arg("n"), py::arg("i"), py::arg("j"), py::arg("d"),
             py::arg("cut"), py::arg("must_link"), py::arg("cannot_link"), py::arg("soft_cannot_link"),
             py::arg("soft_votes"), py::arg("voters"), py::arg("joined"), py::arg("threads"),
             py::arg("progress"));
}

}  // namespace fastface::bindings
