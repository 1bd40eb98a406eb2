#include "algorithms/linkage.hpp"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

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

py::tuple median_linkage(std::size_t n, const py::array& i, const py::array& j, const FloatArray& distance,
                         const std::vector<std::pair<std::int64_t, float>>& cut,
                         const std::optional<py::array>& must_link,
                         const std::optional<py::array>& cannot_link,
                         const std::optional<py::array>& soft_cannot_link, std::int64_t soft_votes,
                         std::size_t max_members, std::uint64_t seed, std::size_t threads) {
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

}  // namespace

void register_linkage(py::module_& module) {
  module.def("median_linkage", &median_linkage, py::arg("n"), py::arg("i"), py::arg("j"), py::arg("d"),
             py::arg("cut"), py::arg("must_link"), py::arg("cannot_link"), py::arg("soft_cannot_link"),
             py::arg("soft_votes"), py::arg("max_members"), py::arg("seed"), py::arg("threads"));
}

}  // namespace fastface::bindings
