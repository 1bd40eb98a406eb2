#include "algorithms/warp.hpp"

#include <algorithm>
#include <stdexcept>

namespace fastface {

namespace {

constexpr std::size_t kColours = 3;
constexpr std::size_t kMaxFactor = 2048;  // sums of so many by so many bytes fit into 32 bits

// Rows of RGB pixels, `stride` bytes apart.
struct Patch {
  const std::uint8_t* data;
  std::size_t height, width, stride;
};

// The mean of bytes, of which `sum` is the sum, in fixed point as Pillow computes it.
class Mean {
 public:
  explicit Mean(std::size_t count)
      : half_(static_cast<std::uint32_t>(count / 2)),
        multiplier_(static_cast<std::uint32_t>(4294967296.0f / static_cast<float>(256 * count))) {}
  std::uint8_t operator()(std::uint32_t sum) const {
    return static_cast<std::uint8_t>(((sum + half_) * multiplier_) >> 24);
  }

 private:
  std::uint32_t half_, multiplier_;
};

std::vector<std::uint8_t> reduce(const Patch& patch, std::size_t factor) {
  const std::size_t height = (patch.height + factor - 1) / factor;
  const std::size_t width = (patch.width + factor - 1) / factor;
  const std::size_t last = patch.width - (width - 1) * factor;  // pixels that the last mean is of
  std::vector<std::uint8_t> smaller(kColours * height * width);
  std::vector<std::uint32_t> sums(kColours * patch.width);
  for (std::size_t y = 0; y < height; ++y) {
    const std::size_t rows = std::min(factor, patch.height - y * factor);
    std::fill(sums.begin(), sums.end(), 0u);
    for (std::size_t k = 0; k < rows; ++k) {
      const std::uint8_t* row = patch.data + (y * factor + k) * patch.stride;
      for (std::size_t x = 0; x < sums.size(); ++x) sums[x] += row[x];
    }
    const Mean whole(rows * factor), partial(rows * last);
    for (std::size_t x = 0; x < width; ++x) {
      const std::size_t columns = x + 1 < width ? factor : last;
      for (std::size_t c = 0; c < kColours; ++c) {
        std::uint32_t sum = 0;
        for (std::size_t k = 0; k < columns; ++k) sum += sums[kColours * (x * factor + k) + c];
        smaller[kColours * (y * width + x) + c] = x + 1 < width ? whole(sum) : partial(sum);
      }
    }
  }
  return smaller;
}

// For x >= -1, without asking the library.
std::ptrdiff_t floor_of(double x) { return x < 0 ? -1 : static_cast<std::ptrdiff_t>(x); }

// The colour at (x, y), from the patch's corner; its edges go on outwards by half a pixel.
void interpolate(const Patch& patch, double x, double y, std::uint8_t* out) {
  const auto width = static_cast<std::ptrdiff_t>(patch.width);
  const auto height = static_cast<std::ptrdiff_t>(patch.height);
  if (!(x >= 0 && x < static_cast<double>(width) && y >= 0 && y < static_cast<double>(height))) return;
  const std::ptrdiff_t left = floor_of(x - 0.5), above = floor_of(y - 0.5);
  const double right = x - 0.5 - static_cast<double>(left), down = y - 0.5 - static_cast<double>(above);
  const std::ptrdiff_t from = 3 * std::max<std::ptrdiff_t>(left, 0);
  const std::ptrdiff_t to = 3 * std::min(left + 1, width - 1);
  const auto stride = static_cast<std::ptrdiff_t>(patch.stride);
  const std::uint8_t* upper = patch.data + stride * std::max<std::ptrdiff_t>(above, 0);
  const std::uint8_t* lower = patch.data + stride * std::min(above + 1, height - 1);
  for (std::ptrdiff_t c = 0; c < 3; ++c) {
    const double first = upper[from + c] + (upper[to + c] - upper[from + c]) * right;
    const double second = lower[from + c] + (lower[to + c] - lower[from + c]) * right;
    out[c] = static_cast<std::uint8_t>(static_cast<std::int32_t>(first + (second - first) * down));
  }
}

}  // namespace

std::vector<std::uint8_t> warp(const Pixels& photo, const Window& window, std::size_t factor,
                               const std::array<double, 6>& matrix, std::size_t side) {
  if (window.top >= window.bottom || window.bottom > photo.height || window.left >= window.right ||
      window.right > photo.width)
    throw std::invalid_argument("window: empty, or not inside the photo");
  if (factor < 1 || factor > kMaxFactor) throw std::invalid_argument("factor: expected 1 to 2048");
  if (side < 1) throw std::invalid_argument("side: expected at least 1");
  const std::size_t stride = kColours * photo.width;
  Patch patch{photo.data + window.top * stride + kColours * window.left, window.bottom - window.top,
              window.right - window.left, stride};
  std::vector<std::uint8_t> smaller;
  if (factor > 1) {
    smaller = reduce(patch, factor);
    const std::size_t width = (patch.width + factor - 1) / factor;
    patch = {smaller.data(), (patch.height + factor - 1) / factor, width, kColours * width};
  }
  std::vector<std::uint8_t> square(kColours * side * side);
  for (std::size_t y = 0; y < side; ++y)
    for (std::size_t x = 0; x < side; ++x) {
      const double across = static_cast<double>(x) + 0.5, down = static_cast<double>(y) + 0.5;
      interpolate(patch, matrix[0] * across + matrix[1] * down + matrix[2],
                  matrix[3] * across + matrix[4] * down + matrix[5],
                  square.data() + kColours * (y * side + x));
    }
  return square;
}

}  // namespace fastface
