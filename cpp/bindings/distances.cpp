#include "algorithms/distances.hpp"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "bindings/arrays.hpp"
#include "bindings/register.hpp"
#include "bindings/watched.hpp"

namespace fastface::bindings {

namespace {

// Torsos, of as many rows as there are faces; none if none are given.
std::optional<RowsArgument> optional_torsos(const std::optional<py::array>& torsos, const RowsView& faces) {
  if (!torsos) return std::nullopt;
  std::optional<RowsArgument> rows(std::in_place, *torsos, "torsos");
  if (rows->view().rows != faces.rows)
    throw std::invalid_argument("torsos: expected as many rows as faces, " + std::to_string(faces.rows) +
                                ", got shape " + shape_text(*torsos));
  return rows;
}

RowsView view_of(const std::optional<RowsArgument>& rows) { return rows ? rows->view() : RowsView(); }

// One id per row of faces; none if no groups are given. `owner` keeps them alive.
std::span<const std::int64_t> optional_groups(const std::optional<py::array>& groups, const RowsView& faces,
                                              IndexArray<std::int64_t>& owner) {
  if (!groups) return {};
  owner = indices<std::int64_t>(*groups, "groups");
  const std::span<const std::int64_t> group_of_row = vector(owner, "groups");
  if (group_of_row.size() != faces.rows)
    throw std::invalid_argument("groups: expected one per row of faces, " + std::to_string(faces.rows) +
                                ", got shape " + shape_text(owner));
  return group_of_row;
}

py::tuple edges(const py::array& faces, float threshold, const std::optional<py::array>& torsos, float alpha,
                float beta, const std::optional<py::array>& groups, std::size_t threads,
                const py::object& progress, bool quantise) {
  const RowsArgument face_rows(faces, "faces");
  const auto torso_rows = optional_torsos(torsos, face_rows.view());
  IndexArray<std::int64_t> group_ids;
  const auto group_of_row = optional_groups(groups, face_rows.view(), group_ids);
  Edges found = watched(progress, [&] {
    return pairwise_edges(face_rows.view(), view_of(torso_rows), group_of_row, threshold, {alpha, beta},
                          threads, quantise ? Quantise::automatic : Quantise::never);
  });
  return py::make_tuple(take(std::move(found.i)), take(std::move(found.j)), take(std::move(found.d)));
}

py::array counts(const py::array& faces, float threshold, const std::optional<py::array>& torsos, float alpha,
                 float beta, const std::optional<py::array>& groups, std::size_t threads,
                 const py::object& progress) {
  const RowsArgument face_rows(faces, "faces");
  const auto torso_rows = optional_torsos(torsos, face_rows.view());
  IndexArray<std::int64_t> group_ids;
  const auto group_of_row = optional_groups(groups, face_rows.view(), group_ids);
  return take(watched(progress, [&] {
    return neighbour_counts(face_rows.view(), view_of(torso_rows), group_of_row, threshold, {alpha, beta},
                            threads);
  }));
}

// Throws unless right has the dimensions of left.
void check_dimensions(const RowsArgument& left, const char* left_name, const RowsArgument& right,
                      const char* right_name) {
  if (left.view().cols != right.view().cols)
    throw std::invalid_argument(std::string(right_name) + ": expected " + std::to_string(left.view().cols) +
                                " dimensions like " + left_name + ", got shape " + shape_text(right.array()));
}

py::tuple between(const py::array& left, const py::array& right, float threshold, std::size_t threads,
                  const py::object& progress) {
  const RowsArgument left_rows(left, "left");
  const RowsArgument right_rows(right, "right");
  check_dimensions(left_rows, "left", right_rows, "right");
  Edges found = watched(
      progress, [&] { return edges_between(left_rows.view(), right_rows.view(), threshold, threads); });
  return py::make_tuple(take(std::move(found.i)), take(std::move(found.j)), take(std::move(found.d)));
}

py::array_t<float> dense(const py::array& faces, const std::optional<py::array>& torsos, float alpha,
                         float beta, std::size_t threads, const py::object& progress) {
  const RowsArgument face_rows(faces, "faces");
  const auto torso_rows = optional_torsos(torsos, face_rows.view());
  if (!std::in_range<std::int32_t>(faces.shape(0)))  // before there is room for their square
    throw std::invalid_argument("faces: expected at most 2**31 - 1 rows, got " +
                                std::to_string(faces.shape(0)));
  py::array_t<float> out({faces.shape(0), faces.shape(0)});
  const MatrixView<float> out_view{out.mutable_data(), face_rows.view().rows, face_rows.view().rows};
  watched(progress, [&] {
    return fused_distances(face_rows.view(), view_of(torso_rows), {alpha, beta}, out_view, threads);
  });
  return out;
}

py::tuple k_nearest(const py::array& queries, const py::array& gallery, py::ssize_t k, std::size_t threads,
                    const py::object& progress, bool quantise) {
  const RowsArgument query_rows(queries, "queries");
  const RowsArgument gallery_rows(gallery, "gallery");
  check_dimensions(query_rows, "queries", gallery_rows, "gallery");
  if (k < 1 || k > gallery.shape(0))
    throw std::invalid_argument("k: expected 1 to " + std::to_string(gallery_rows.view().rows) +
                                ", the rows of gallery, got " + std::to_string(k));
  const auto columns = static_cast<std::size_t>(k);
  py::array_t<std::int64_t> found({queries.shape(0), k});
  py::array_t<float> distances({queries.shape(0), k});
  const MatrixView<std::int64_t> found_view{found.mutable_data(), query_rows.view().rows, columns};
  const MatrixView<float> distance_view{distances.mutable_data(), query_rows.view().rows, columns};
  watched(progress, [&] {
    return nearest(query_rows.view(), gallery_rows.view(), found_view, distance_view, threads,
                   quantise ? Quantise::automatic : Quantise::never);
  });
  return py::make_tuple(found, distances);
}

}  // namespace

void register_distances(py::module_& module) {
  module.def("pairwise_edges", &edges, py::arg("faces"), py::arg("threshold"), py::arg("torsos"),
             py::arg("alpha"), py::arg("beta"), py::arg("groups"), py::arg("threads"), py::arg("progress"),
             py::arg("quantise") = true);
  module.def("neighbour_counts", &counts, py::arg("faces"), py::arg("threshold"), py::arg("torsos"),
             py::arg("alpha"), py::arg("beta"), py::arg("groups"), py::arg("threads"), py::arg("progress"));
  module.def("edges_between", &between, py::arg("left"), py::arg("right"), py::arg("threshold"),
             py::arg("threads"), py::arg("progress"));
  module.def("fused_distances", &dense, py::arg("faces"), py::arg("torsos"), py::arg("alpha"),
             py::arg("beta"), py::arg("threads"), py::arg("progress"));
  module.def("nearest", &k_nearest, py::arg("queries"), py::arg("gallery"), py::arg("k"), py::arg("threads"),
             py::arg("progress"), py::arg("quantise") = true);
}

}  // namespace fastface::bindings
