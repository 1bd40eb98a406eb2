#include "core/cpu.hpp"

namespace fastface {

CpuFeatures cpu_features() {
  CpuFeatures features;
#if defined(FASTFACE_X86)
  // The builtins look at cpuid and at xgetbv: a kernel that does not save the wide registers
  // counts as a CPU without them.
  __builtin_cpu_init();
  features.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  features.avx512 = features.avx2 && __builtin_cpu_supports("avx512f") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq");
#endif
  return features;
}

}  // namespace fastface
