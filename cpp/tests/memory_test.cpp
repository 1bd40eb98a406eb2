// What the searches allocate beyond their arguments, counted: the bounds their headers state.
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <vector>

#include "algorithms/crowd_edges.hpp"
#include "algorithms/distances.hpp"
#include "algorithms/linkage.hpp"
#include "check.hpp"

using namespace fastface;
using test::Matrix;

namespace {

std::atomic<std::size_t> in_use{0}, peak{0};

void* counted(void* memory) {
  if (!memory) throw std::bad_alloc();
  const std::size_t now = in_use += malloc_usable_size(memory);
  std::size_t before = peak;
  while (before < now && !peak.compare_exchange_weak(before, now)) {
  }
  return memory;
}

void discard(void* memory) {
  if (memory) in_use -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

// Arrays come here too, by the standard library's own operators.
void* operator new(std::size_t size) { return counted(std::malloc(size)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  void* memory = std::malloc(size);
  return memory ? counted(memory) : nullptr;
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto step = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(step, (size + step - 1) / step * step));
}
void operator delete(void* memory) noexcept { discard(memory); }
void operator delete(void* memory, std::size_t) noexcept { discard(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { discard(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { discard(memory); }

namespace {

constexpr std::size_t kDims = 512, kThreads = 2;
constexpr std::size_t kPerThread = std::size_t{1} << 23;
// A byte per value and some per row, for faces and as many for torsos.
constexpr std::size_t kPerRow = kDims + 64;

template <class Run>
std::size_t peak_of(Run run) {
  const std::size_t before = in_use;
  peak = before;
  run();
  return peak - before;
}

void edges_take_rows_and_edges() {
  const Matrix faces = test::embeddings(3000, kDims, 10, 1), torsos = test::embeddings(3000, kDims, 10, 2);
  std::size_t edges = 0;
  const std::size_t bytes = peak_of([&] {
    edges = pairwise_edges(faces.view(), torsos.view(), {}, 0.5f, {0.8f, 0.3f}, kThreads).i.size();
  });
  // Lists of 12 bytes an edge grow by doubling, are joined, and then sorted into three arrays.
  CHECK(edges > 1000 && bytes < 2 * kPerRow * faces.rows + 48 * edges + kThreads * kPerThread);
}

// Towards zero; of normal values, which lose bits of their significand.
template <class T>
T narrowed(float value) {
  if constexpr (std::is_same_v<T, std::int8_t>) {
    return static_cast<std::int8_t>(value);
  } else {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t magnitude = bits & 0x7fffffff, least = 113u << 23;
    return Half(static_cast<std::uint16_t>(bits >> 16 & 0x8000) |
                static_cast<std::uint16_t>(magnitude < least ? 0 : (magnitude - (112u << 23)) >> 13));
  }
}

// Rows in 16 or 8 bits are widened by blocks: the same bounds hold as for float32, which is not copied.
template <class T>
void narrow_rows_stay_narrow(float scale) {
  const Matrix faces = test::embeddings(4000, kDims, 10, 1);
  std::vector<T> narrow;
  for (const float value : faces.values) narrow.push_back(narrowed<T>(scale * value));
  const RowsView rows(narrow.data(), faces.rows, kDims);
  std::size_t edges = 0;
  const std::size_t bytes =
      peak_of([&] { edges = pairwise_edges(rows, rows, {}, 0.5f, {0.8f, 0.3f}, kThreads).i.size(); });
  // Of them in float32 there would be 2 * 8 MB.
  CHECK(edges > 1000 && bytes < 2 * kPerRow * faces.rows + 48 * edges + kThreads * kPerThread);

  constexpr std::size_t kQueries = 500;
  std::vector<std::int64_t> indices(kQueries);
  Matrix distances(kQueries, 1);
  const std::size_t nearest_bytes = peak_of([&] {
    nearest(RowsView(narrow.data(), kQueries, kDims), rows, {indices.data(), kQueries, 1}, distances.out(),
            kThreads);
  });
  CHECK(nearest_bytes < kPerRow * (faces.rows + kQueries) + kThreads * kPerThread);
  for (std::size_t query = 0; query < kQueries; ++query)
    CHECK(indices[query] == static_cast<std::int64_t>(query) && distances.row(query)[0] < 1e-2f);
}

// From rows to labels in less than half of the rows' own memory again.
void the_bounded_linkage_takes_less_than_its_rows() {
  const Matrix faces = test::embeddings(20'000, kDims, 20, 1);
  std::size_t clusters = 0;
  const std::size_t bytes = peak_of([&] {
    const CrowdEdges found = crowd_edges({.faces = faces.view(),
                                          .threshold = 0.5f,
                                          .crowd_threshold = 0.5f,
                                          .max_members = 32,
                                          .threads = kThreads});
    const std::vector<CutStep> cut{{1, 0.5f}};
    clusters = median_linkage({.n = faces.rows,
                               .i = found.edges.i,
                               .j = found.edges.j,
                               .distance = found.edges.d,
                               .cut = cut,
                               .joined = found.joined,
                               .voters = found.voters,
                               .threads = kThreads})
                   .n_clusters;
  });
  CHECK(clusters == faces.rows / 20);
  CHECK(bytes < faces.values.size() * sizeof(float) / 2);
}

void counts_do_not_grow_with_edges() {
  const Matrix faces = test::embeddings(6000, 16, 6000, 1);  // one crowd
  std::int64_t pairs = 0;
  const std::size_t bytes = peak_of([&] {
    for (const std::int64_t count : neighbour_counts(faces.view(), {}, {}, 1.5f, {}, kThreads))
      pairs += count;
  });
  CHECK(pairs == 6000 * 5999);  // 18 million edges would take 216 MB
  CHECK(bytes < 128 * faces.rows + kThreads * kPerThread);
}

void nearest_takes_no_matrix() {
  const Matrix gallery = test::embeddings(6000, kDims, 10, 1), queries = test::embeddings(2000, kDims, 10, 2);
  constexpr std::size_t kNeighbours = 3;
  std::vector<std::int64_t> indices(queries.rows * kNeighbours);
  Matrix distances(queries.rows, kNeighbours);
  const std::size_t bytes = peak_of([&] {
    nearest(queries.view(), gallery.view(), {indices.data(), queries.rows, kNeighbours}, distances.out(),
            kThreads);
  });
  // The matrix of distances alone would be 48 MB.
  CHECK(bytes < kPerRow * (gallery.rows + queries.rows) + kThreads * kPerThread);
}

}  // namespace

int main() {
  test::on_every_target([] {
    edges_take_rows_and_edges();
    narrow_rows_stay_narrow<Half>(1);
    narrow_rows_stay_narrow<std::int8_t>(500);  // values of unit rows go up to about .2
    counts_do_not_grow_with_edges();
    nearest_takes_no_matrix();
  });
  the_bounded_linkage_takes_less_than_its_rows();
  CHECK(in_use < std::size_t{1} << 20);  // nothing stays behind
  return test::result();
}
