// A photo made smaller, as Pillow's BILINEAR does: each pixel is a mean weighted by a triangle as wide
// as two of the new pixels, so that nothing aliases.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fastface {

// Rows of interleaved 8-bit RGB without gaps.
struct Pixels {
  const std::uint8_t* data = nullptr;
  std::size_t height = 0;
  std::size_t width = 0;
};

// The photo in height x width pixels; the same bits on every SIMD target.
// Throws std::invalid_argument unless both are at least 1 and at most the photo's.
std::vector<std::uint8_t> shrink(const Pixels& photo, std::size_t height, std::size_t width);

}  // namespace fastface
