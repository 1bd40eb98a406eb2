// Products of rows in 8 bits, by the kernels that all who search through such rows are made of.
#include <algorithm>
#include <utility>

#include "check.hpp"

using namespace fastface;
using test::Matrix;

namespace {

// 64 and 128 values fill lines of the cache, which the matrix unit takes; the others do not.
const std::size_t kDims[] = {1, 4, 17, 64, 67, 128};

// Rows quantised, and packed as the left or the right side.
struct Words {
  Words(const Matrix& rows, bool right)
      : width(right ? kernels().tile_cols : kernels().tile_rows),
        dims(rows.cols),
        stride((rows.cols + 3) / 4 * 4),
        panel_words(width * stride / 4 * kernels().words_per_four) {
    const std::size_t panels = (rows.rows + width - 1) / width;
    values.resize(panels * width * stride);
    bounds.resize(panels * width);
    scales.resize(panels * width);
    packed.resize(panels * panel_words);
    for (std::size_t panel = 0; panel < panels; ++panel) {
      std::vector<const std::int8_t*> pointers(width, nullptr);
      for (std::size_t i = panel * width; i < std::min((panel + 1) * width, rows.rows); ++i) {
        pointers[i % width] = values.data() + i * stride;
        bounds[i] = kernels().quantise(rows.row(i), dims, values.data() + i * stride);
        scales[i] = bounds[i].scale;
      }
      kernels().pack_words(pointers.data(), width, dims, right, packed.data() + panel * panel_words);
    }
  }

  // From a multiple of `width` on.
  PackedWords from(std::size_t first) const {
    return {packed.data() + first / width * panel_words,
            bounds.data() + first,
            nullptr,
            scales.data() + first,
            nullptr,
            nullptr};
  }

  std::size_t width, dims, stride, panel_words;
  std::vector<std::int8_t> values;
  std::vector<std::int32_t> packed;
  std::vector<RowBound> bounds;
  std::vector<float> scales;
};

double product(const float* a, const float* b, std::size_t n) {
  double sum = 0;
  for (std::size_t k = 0; k < n; ++k) sum += static_cast<double>(a[k]) * b[k];
  return sum;
}

// By the definition, which every target follows to the bit.
float scaled_product(const Words& left, std::size_t i, const Words& right, std::size_t j) {
  std::int32_t sum = 0;
  for (std::size_t k = 0; k < left.stride; ++k)
    sum += left.values[i * left.stride + k] * right.values[j * right.stride + k];
  return left.scales[i] * (right.scales[j] * static_cast<float>(sum));
}

void word_products_are_within_their_bound() {
  for (const std::size_t dims : kDims)
    for (const std::size_t left : {1u, 13u, 14u, 15u, 31u})
      for (const std::size_t right : {1u, 7u, 33u}) {
        const Matrix a = test::embeddings(left, dims, 2, 1), b = test::embeddings(right, dims, 2, 2);
        const Words rows(a, false), columns(b, true);
        const std::size_t stride = right + 2;
        std::vector<float> out(left * stride, 7);
        for (std::size_t first = 0; first < right; first += columns.width)
          kernels().word_products(rows.from(0), left, columns.from(first),
                                  std::min(columns.width, right - first), dims, out.data() + first, stride);
        for (std::size_t i = 0; i < left; ++i)
          for (std::size_t j = 0; j < stride; ++j) {
            if (j >= right) {
              CHECK(out[i * stride + j] == 7);
              continue;
            }
            const double slack = rows.bounds[i].norm * columns.bounds[j].residual +
                                 rows.bounds[i].residual * columns.bounds[j].norm;
            CHECK(std::abs(out[i * stride + j] - product(a.row(i), b.row(j), dims)) <= slack);
            CHECK(out[i * stride + j] == scaled_product(rows, i, columns, j));
          }
      }
}

// The k largest of what row i may see, larger than `least`: the earlier of two that are equal first.
std::vector<std::pair<float, std::int32_t>> expected_largest(const Words& left, std::size_t i,
                                                             const Words& right, std::int32_t end,
                                                             std::size_t k, float least) {
  std::vector<std::pair<float, std::int32_t>> found;
  for (std::int32_t j = 0; j < end; ++j)
    if (const float value = scaled_product(left, i, right, static_cast<std::size_t>(j)); value > least)
      found.emplace_back(value, j);
  std::stable_sort(found.begin(), found.end(), [](auto a, auto b) { return a.first > b.first; });
  found.resize(std::max(found.size(), k), {least, -1});
  found.resize(k);
  return found;
}

void largest_agrees_with_sorting() {
  for (const std::size_t dims : kDims)
    for (const std::size_t n_left : {1u, 13u, 14u, 15u, 29u})
      for (const std::size_t n_right : {1u, 31u, 33u, 100u}) {
        Matrix b = test::embeddings(n_right, dims, 5, 2);
        for (std::size_t j = 40; j < n_right; ++j) std::copy_n(b.row(j - 40), dims, b.row(j));  // draws
        const Words rows(test::embeddings(n_left, dims, 5, 2), false), columns(b, true);
        // Some see all, others those before one, the last one nobody.
        std::vector<std::int32_t> ends(n_left, static_cast<std::int32_t>(n_right));
        for (std::size_t i = 1; i < n_left; i += 2) ends[i] = static_cast<std::int32_t>(7 * i % n_right);
        ends.back() = 0;
        for (const auto& [k, least] : {std::pair<std::size_t, float>{1, -2}, {4, -2}, {4, 0.4f}}) {
          std::vector<float> largest(n_left * k, least);
          std::vector<std::int32_t> places(n_left * k, -1);
          for (std::size_t first = 0; first < n_right; first += columns.width)
            kernels().strip_largest(rows.from(0), n_left, columns.from(first),
                                    static_cast<std::int32_t>(first), dims, ends.data(), k, largest.data(),
                                    places.data());
          for (std::size_t i = 0; i < n_left; ++i) {
            const auto expected = expected_largest(rows, i, columns, ends[i], k, least);
            for (std::size_t at = 0; at < k; ++at) {
              CHECK(largest[i * k + at] == expected[at].first);
              CHECK(places[i * k + at] == expected[at].second);
            }
          }
        }
      }
}

}  // namespace

int main() {
  test::on_every_target([] {
    word_products_are_within_their_bound();
    largest_agrees_with_sorting();
  });
  return test::result();
}
