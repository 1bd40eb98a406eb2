// What one core of this machine can do at most: float32 multiply-adds, 8-bit products, those of the matrix
// unit, bytes read. One JSON object of all, or of the one that is asked for: float32, bytes, matrix, reading.
// machine_limits.py compiles it for the machine it runs on.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <vector>
#if defined(__AVX512VNNI__)
#include <immintrin.h>
#endif
#if defined(__AMX_INT8__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr std::size_t kBytes = 64;
#elif defined(__AVX__)
constexpr std::size_t kBytes = 32;
#else
constexpr std::size_t kBytes = 16;
#endif
using f32v [[gnu::vector_size(kBytes)]] = float;
constexpr int kChains = 12;  // of additions: more than latency times units, fewer than registers
constexpr long kSteps = 8'000'000;

double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The best of a few runs: what disturbs a run only makes it slower.
template <class Run>
double fastest(Run run) {
  double best = 1e9;
  for (int turn = 0; turn < 7; ++turn) {
    const double began = cpu_seconds();
    run();
    const double taken = cpu_seconds() - began;
    best = taken < best ? taken : best;
  }
  return best;
}

template <class Vector>
[[gnu::always_inline]] inline void keep(Vector& value) {
  asm volatile("" : "+m"(value));
}

void multiply_add() {
  f32v sums[kChains] = {}, a = {}, b = {};
  keep(a), keep(b);
#pragma GCC unroll 1
  for (long step = 0; step < kSteps; ++step)
#pragma GCC unroll 12
    for (int chain = 0; chain < kChains; ++chain) sums[chain] += a * b;
  for (f32v& sum : sums) keep(sum);
}

#if defined(__AVX512VNNI__)
void multiply_bytes() {
  __m512i sums[kChains] = {}, a = {}, b = {};
  keep(a), keep(b);
#pragma GCC unroll 1
  for (long step = 0; step < kSteps; ++step)
#pragma GCC unroll 12
    for (int chain = 0; chain < kChains; ++chain) sums[chain] = _mm512_dpbusd_epi32(sums[chain], a, b);
  for (__m512i& sum : sums) keep(sum);
}
#endif

#if defined(__AMX_INT8__) && defined(__linux__)
// Tiles of 16 rows by 64 bytes, four sums: as in cpp/core/matrix_unit.hpp, but for reading them.
constexpr double kTileOperations = 2.0 * 4 * 16 * 16 * 64;

bool may_multiply_tiles() {
  constexpr long kAskForPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kAskForPermission, kTileData) == 0;
}

void multiply_tiles() {
  struct alignas(64) Shape {
    std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
    std::uint16_t bytes_per_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  };
  static constexpr Shape kShape;
  _tile_loadconfig(&kShape);
#pragma GCC unroll 1
  for (long step = 0; step < kSteps; ++step) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  _tile_release();
}
#endif

double read_memory() {
  std::vector<f32v> memory((std::size_t{1} << 28) / sizeof(f32v));
  const double seconds = fastest([&memory] {
    f32v sums[8] = {};
    for (std::size_t k = 0; k < memory.size(); k += 8)
      for (std::size_t u = 0; u < 8; ++u) sums[u] += memory[k + u];
    for (f32v& sum : sums) keep(sum);
  });
  return static_cast<double>(memory.size() * sizeof(f32v)) / seconds;
}

// Prints one figure as a member of the object.
void tell(const char* name, double value) {
  static const char* before = "{";
  std::printf("%s\"%s\": %.1f", before, name, 1e-9 * value);
  before = ", ";
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view asked = count > 1 ? arguments[1] : "";
  const auto wanted = [asked](std::string_view what) { return asked.empty() || asked == what; };
  const double operations = 2.0 * kChains * static_cast<double>(kSteps);
  if (wanted("float32")) tell("float32 GFLOP/s", operations * (kBytes / 4) / fastest(multiply_add));
#if defined(__AVX512VNNI__)
  if (wanted("bytes")) tell("8-bit GOP/s", operations * kBytes / fastest(multiply_bytes));
#endif
#if defined(__AMX_INT8__) && defined(__linux__)
  if (wanted("matrix") && may_multiply_tiles())
    tell("8-bit GOP/s by tiles", kTileOperations * static_cast<double>(kSteps) / fastest(multiply_tiles));
#endif
  if (wanted("reading")) tell("reading GB/s", read_memory());
  std::printf("}\n");
}
