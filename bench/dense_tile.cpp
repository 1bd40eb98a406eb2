// The float32 tile of the distances by itself, at the sizes at which pairwise_edges() uses it: GFLOP/s of
// the fastest of some passes over packed rows. dense_tile.py compiles it.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <ctime>

#define FASTFACE_TARGET tile_alone
#include "core/buffer.hpp"
#include "kernels/gemm.hpp"

namespace {

using namespace fastface::tile_alone;

constexpr std::size_t kDepth = 512, kLeftPanels = 36, kRightPanels = 64, kPasses = 60;

double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

int main() {
  constexpr std::size_t kRows = kLeftPanels * kTileRows, kColumns = kRightPanels * kTileCols;
  const fastface::Buffer left(kRows * kDepth + kLanes), right(kColumns * kDepth + kLanes);
  const fastface::Buffer out(kRows * kTileCols);
  std::fill_n(left.data(), kRows * kDepth + kLanes, 0.01f);
  std::fill_n(right.data(), kColumns * kDepth + kLanes, 0.02f);
  double best = 1e9;
  for (std::size_t pass = 0; pass < kPasses; ++pass) {
    const double began = cpu_seconds();
    for (std::size_t panel = 0; panel < kRightPanels; ++panel)
      strip_products(left.data(), kRows, right.data() + panel * kTileCols * kDepth, kTileCols, kDepth,
                     out.data(), kTileCols);
    const double taken = cpu_seconds() - began;
    best = taken < best ? taken : best;
    if (out.data()[pass] < 0.1f || out.data()[pass] > 0.11f) return 1;  // 512 times .01 times .02
  }
  std::printf("%.2f\n", 2e-9 * kRows * kColumns * kDepth / best);
}
