#include "algorithms/distances.hpp"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "bindings/arrays.hpp"
#include "bindings/register.hpp"
#include "bindings/watched.hpp"

namespace fastface::bindings {

namespace {

MatrixView<const float> optional_torsos(const std::optional<FloatArray>& torsos,
                                        MatrixView<const float> faces) {
  if (!torsos) return {};
  const MatrixView<const float> view = matrix(*torsos, "torsos");
  if (view.rows != faces.rows)
    throw std::invalid_argument("torsos: expected as many rows as faces, " + std::to_string(faces.rows) +
                                ", got shape " + shape_text(*torsos));
  return view;
}

// One id per row of faces; none if no groups are given. `owner` keeps them alive.
std::span<const std::int64_t> optional_groups(const std::optional<py::array>& groups,
                                              MatrixView<const float> faces,
                                              IndexArray<std::int64_t>& owner) {
  if (!groups) return {};
  owner = indices<std::int64_t>(*groups, "groups");
  const std::span<const std::int64_t> group_of_row = vector(owner, "groups");
  if (group_of_row.size() != faces.rows)
    throw std::invalid_argument("groups: expected one per row of faces, " + std::to_string(faces.rows) +
                                ", got shape " + shape_text(owner));
  return group_of_row;
}

py::tuple edges(const FloatArray& faces, float threshold, const std::optional<FloatArray>& torsos,
                float alpha, float beta, const std::optional<py::array>& groups, std::size_t threads,
                const py::object& progress, bool quantise) {
  const MatrixView<const float> face_rows = matrix(faces, "faces");
  const MatrixView<const float> torso_rows = optional_torsos(torsos, face_rows);
  IndexArray<std::int64_t> group_ids;
  const auto group_of_row = optional_groups(groups, face_rows, group_ids);
  Edges found = watched(progress, [&] {
    return pairwise_edges(face_rows, torso_rows, group_of_row, threshold, {alpha, beta}, threads,
                          quantise ? Quantise::automatic : Quantise::never);
  });
  return py::make_tuple(take(std::move(found.i)), take(std::move(found.j)), take(std::move(found.d)));
}

py::array counts(const FloatArray& faces, float threshold, const std::optional<FloatArray>& torsos,
                 float alpha, float beta, const std::optional<py::array>& groups, std::size_t threads,
                 const py::object& progress) {
  const MatrixView<const float> face_rows = matrix(faces, "faces");
  const MatrixView<const float> torso_rows = optional_torsos(torsos, face_rows);
  IndexArray<std::int64_t> group_ids;
  const auto group_of_row = optional_groups(groups, face_rows, group_ids);
  return take(watched(progress, [&] {
    return neighbour_counts(face_rows, torso_rows, group_of_row, threshold, {alpha, beta}, threads);
  }));
}

// Throws unless right has the dimensions of left.
void check_dimensions(const MatrixView<const float>& left, const char* left_name,
                      const MatrixView<const float>& right, const FloatArray& right_array,
                      const char* right_name) {
  if (left.cols != right.cols)
    throw std::invalid_argument(std::string(right_name) + ": expected " + std::to_string(left.cols) +
                                " dimensions like " + left_name + ", got shape " + shape_text(right_array));
}

py::tuple between(const FloatArray& left, const FloatArray& right, float threshold, std::size_t threads,
                  const py::object& progress) {
  const MatrixView<const float> left_rows = matrix(left, "left");
  const MatrixView<const float> right_rows = matrix(right, "right");
  check_dimensions(left_rows, "left", right_rows, right, "right");
  Edges found = watched(progress, [&] { return edges_between(left_rows, right_rows, threshold, threads); });
  return py::make_tuple(take(std::move(found.i)), take(std::move(found.j)), take(std::move(found.d)));
}

py::array_t<float> dense(const FloatArray& faces, const std::optional<FloatArray>& torsos, float alpha,
                         float beta, std::size_t threads, const py::object& progress) {
  const MatrixView<const float> face_rows = matrix(faces, "faces");
  const MatrixView<const float> torso_rows = optional_torsos(torsos, face_rows);
  py::array_t<float> out({faces.shape(0), faces.shape(0)});
  const MatrixView<float> out_view{out.mutable_data(), face_rows.rows, face_rows.rows};
  watched(progress, [&] { return fused_distances(face_rows, torso_rows, {alpha, beta}, out_view, threads); });
  return out;
}

py::tuple k_nearest(const FloatArray& queries, const FloatArray& gallery, py::ssize_t k, std::size_t threads,
                    const py::object& progress, bool quantise) {
  const MatrixView<const float> query_rows = matrix(queries, "queries");
  const MatrixView<const float> gallery_rows = matrix(gallery, "gallery");
  check_dimensions(query_rows, "queries", gallery_rows, gallery, "gallery");
  if (k < 1 || k > gallery.shape(0))
    throw std::invalid_argument("k: expected 1 to " + std::to_string(gallery_rows.rows) +
                                ", the rows of gallery, got " + std::to_string(k));
  const auto columns = static_cast<std::size_t>(k);
  py::array_t<std::int64_t> found({queries.shape(0), k});
  py::array_t<float> distances({queries.shape(0), k});
  const MatrixView<std::int64_t> found_view{found.mutable_data(), query_rows.rows, columns};
  const MatrixView<float> distance_view{distances.mutable_data(), query_rows.rows, columns};
  watched(progress, [&] {
    return nearest(query_rows, gallery_rows, found_view, distance_view, threads,
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
