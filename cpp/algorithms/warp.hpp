// A square cut out of a photo, turned and scaled: the bits that Pillow's reduce() and transform() give.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "algorithms/shrink.hpp"

namespace fastface {

// The part of a photo that a square is cut from, in pixels, ends left out.
struct Window {
  std::size_t top, bottom, left, right;
};

// side x side RGB pixels. The window is made smaller by averaging `factor` by `factor` pixels, fewer at its
// right and lower edges; pixel (x, y) of the square, counted to its centre, is then at (m0 x + m1 y + m2,
// m3 x + m4 y + m5) of what that gives, weighted among its four neighbours. Black outside.
// Throws std::invalid_argument where the window is empty or leaves the photo, or factor or side is 0.
std::vector<std::uint8_t> warp(const Pixels& photo, const Window& window, std::size_t factor,
                               const std::array<double, 6>& matrix, std::size_t side);

}  // namespace fastface
