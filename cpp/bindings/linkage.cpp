#include "algorithms/linkage.hpp"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "algorithms/voters.hpp"
#include "bindings/arrays.hpp"
#include "bindings/register.hpp"

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

py::tuple median_linkage(std::size_t n, const py::array& i, const py::array& j, const FloatArray& distance,
                         const std::vector<std::pair<std::int64_t, float>>& cut,
                         const std::optional<py::array>& must_link,
                         const std::optional<py::array>& cannot_link,
                         const std::optional<py::array>& soft_cannot_link, std::int64_t soft_votes,
                         std::size_t max_members, std::uint64_t seed, const std::optional<MaskArray>& voters,
                         std::size_t threads) {
  const IndexArray<std::int32_t> first = indices<std::int32_t>(i, "i"),
                                 second = indices<std::int32_t>(j, "j");
  IndexArray<std::int64_t> must, cannot, soft;
  std::vector<CutStep> steps;
  for (const auto& [n_pairs, threshold] : cut) steps.push_back({n_pairs, threshold});
  LinkageProblem problem{.n = n,
                         .i = vector(first, "i"),
                         .j = vector(second, "j"),
                         .distance = vector(distance, "d"),
                         .cut = steps,
                         .must_link = pairs(must_link, "must_link", must),
                         .cannot_link = pairs(cannot_link, "cannot_link", cannot),
                         .soft_cannot_link = pairs(soft_cannot_link, "soft_cannot_link", soft),
                         .soft_votes = soft_votes,
                         .max_members = max_members,
                         .seed = seed,
                         .voters = voters ? mask(*voters, n, "voters") : std::span<const std::uint8_t>{},
                         .threads = threads};
  if (problem.i.size() != problem.j.size() || problem.i.size() != problem.distance.size())
    throw std::invalid_argument("i, j, d: expected the same length, got " + shape_text(i) + ", " +
                                shape_text(j) + " and " + shape_text(distance));

  Linkage linkage;
  {
    const py::gil_scoped_release unlocked;
    linkage = fastface::median_linkage(problem);
  }
  const auto rows = static_cast<py::ssize_t>(linkage.merges.size() / 4);
  return py::make_tuple(py::array_t<std::int64_t>(static_cast<py::ssize_t>(n), linkage.labels.data()),
                        py::array_t<double>({rows, py::ssize_t{4}}, linkage.merges.data()),
                        linkage.n_clusters);
}

py::tuple voter_edges(const FloatArray& faces, float threshold, const std::optional<py::array>& groups,
                      std::size_t max_members, std::uint64_t seed, std::size_t threads) {
  const MatrixView<const float> rows = matrix(faces, "faces");
  IndexArray<std::int64_t> group_ids;
  std::span<const std::int64_t> group_of_row;
  if (groups) {
    group_ids = indices<std::int64_t>(*groups, "groups");
    group_of_row = vector(group_ids, "groups");
    if (group_of_row.size() != rows.rows)
      throw std::invalid_argument("groups: expected one per row of faces, " + std::to_string(rows.rows) +
                                  ", got shape " + shape_text(group_ids));
  }
  VoterEdges found;
  {
    const py::gil_scoped_release unlocked;
    found = fastface::voter_edges(rows, group_of_row, threshold, max_members, seed, threads);
  }
  return py::make_tuple(take(std::move(found.edges.i)), take(std::move(found.edges.j)),
                        take(std::move(found.edges.d)), take(std::move(found.voters)));
}

}  // namespace

void register_linkage(py::module_& module) {
  module.def("voter_edges", &voter_edges, py::arg("faces"), py::arg("threshold"), py::arg("groups"),
             py::arg("max_members"), py::arg("seed"), py::arg("threads"));
  module.def("median_linkage", &median_linkage, py::arg("n"), py::arg("i"), py::arg("j"), py::arg("d"),
             py::arg("cut"), py::arg("must_link"), py::arg("cannot_link"), py::arg("soft_cannot_link"),
             py::arg("soft_votes"), py::arg("max_members"), py::arg("seed"), py::arg("voters"),
             py::arg("threads"));
}

}  // namespace fastface::bindings
