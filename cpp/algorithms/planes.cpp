#include "algorithms/planes.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/kernels.hpp"

namespace fastface {

namespace {

void require_room(std::size_t size, std::size_t least, const char* name) {
  if (size < least)
    throw std::invalid_argument(std::string(name) + ": expected at least " + std::to_string(least) +
                                ", got " + std::to_string(size));
}

}  // namespace

void spread(const Pixels& photo, std::size_t height, std::size_t width, float* planes) {
  require_room(height, photo.height, "height");
  require_room(width, photo.width, "width");
  const Kernels& kernel = kernels();
  const std::size_t plane = height * width;
  for (std::size_t y = 0; y < photo.height; ++y) {
    float* row = planes + y * width;
    kernel.spread_row(photo.data + 3 * photo.width * y, photo.width, row, row + plane, row + 2 * plane);
    for (std::size_t colour = 0; colour < 3; ++colour)
      std::fill(row + colour * plane + photo.width, row + colour * plane + width, 0.0f);
  }
  for (std::size_t colour = 0; colour < 3; ++colour)
    std::fill(planes + colour * plane + photo.height * width, planes + (colour + 1) * plane, 0.0f);
}

}  // namespace fastface
