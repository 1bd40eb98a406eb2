// A photo as networks take it: one colour after the other, in float.
#pragma once

#include <cstddef>

#include "algorithms/shrink.hpp"

namespace fastface {

// Writes 3 x height x width values, 0 where the photo ends before.
// Throws std::invalid_argument unless both are at least the photo's.
void spread(const Pixels& photo, std::size_t height, std::size_t width, float* planes);

}  // namespace fastface
