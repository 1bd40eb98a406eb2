#include <cstdlib>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "core/kernels.hpp"

using namespace fastface;

namespace {

void every_target_can_be_selected() {
  CHECK(!available_kernels().empty());
  CHECK(std::string_view(available_kernels().back()->target) == "baseline");
  test::on_every_target([] {
    const Kernels& kernel = kernels();
    CHECK(kernel.lanes >= 4 && kernel.tile_cols % kernel.lanes == 0 && kernel.tile_rows > 0);
    const std::vector<float> ones(37, 1.0f);
    CHECK(kernel.dot(ones.data(), ones.data(), ones.size()) == 37.0f);
    std::vector<float> sums(37, 2.0f);
    kernel.axpy(3.0f, ones.data(), sums.data(), sums.size());
    for (const float sum : sums) CHECK(sum == 5.0f);
  });
}

void unknown_targets_are_refused() {
  CHECK(test::refuses([] { select_kernels("mmx"); }, "target: expected one of"));
  CHECK(test::refuses([] { select_kernels("mmx"); }, "'mmx'"));
}

void the_environment_overrides_the_choice() {
  setenv("FASTFACE_TARGET", "baseline", 1);
  select_kernels("");
  CHECK(std::string_view(kernels().target) == "baseline");
  setenv("FASTFACE_TARGET", "mmx", 1);
  CHECK(test::refuses([] { select_kernels(""); }, "FASTFACE_TARGET"));
  unsetenv("FASTFACE_TARGET");
  select_kernels("");
  CHECK(&kernels() == available_kernels().front());
}

}  // namespace

int main() {
  every_target_can_be_selected();
  unknown_targets_are_refused();
  the_environment_overrides_the_choice();
  return test::result();
}
