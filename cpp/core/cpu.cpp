#include "core/cpu.hpp"

#if defined(FASTFACE_ARM64) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace fastface {

CpuFeatures cpu_features() {
  CpuFeatures features;
#if defined(FASTFACE_X86)
  // The builtins look at cpuid and at xgetbv: a kernel that does not save the wide registers
  // counts as a CPU without them.
  __builtin_cpu_init();
  features.sse42 = __builtin_cpu_supports("sse4.2");
  features.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  features.avx512 = features.avx2 && __builtin_cpu_supports("avx512f") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq");
  features.avx512vnni = features.avx512 && __builtin_cpu_supports("avx512vnni");
#elif defined(FASTFACE_ARM64) && defined(__APPLE__)
  features.dotprod = true;  // every Mac of that kind has them
#elif defined(FASTFACE_ARM64) && defined(__linux__)
  constexpr unsigned long kDotProducts = 1ul << 20;  // HWCAP_ASIMDDP
  features.dotprod = (getauxval(AT_HWCAP) & kDotProducts) != 0;
#endif
  return features;
}

}  // namespace fastface
