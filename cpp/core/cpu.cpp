#include "core/cpu.hpp"

#if defined(FASTFACE_ARM64) && defined(__linux__)
#include <sys/auxv.h>
#endif
#if defined(FASTFACE_AMX) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace fastface {
namespace {

#if defined(FASTFACE_AMX) && defined(__linux__)
// Linux saves AMX's registers for processes that ask for it, which has no price until they use them. It
// refuses where somebody's alternate signal stack would be too small for them.
bool may_use_amx() {
  unsigned eax, ebx, ecx, edx;
  constexpr unsigned kUnit = 1u << 22 | 1u << 24 | 1u << 25;  // products of bfloat16, tiles, of bytes
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || (edx & kUnit) != kUnit) return false;
  constexpr unsigned kRoundsToBfloat16 = 1u << 5;
  if (!__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) || !(eax & kRoundsToBfloat16)) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#elif defined(FASTFACE_X86)
bool may_use_amx() { return false; }
#endif

}  // namespace

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
  features.avx512amx = features.avx512vnni && may_use_amx();
#elif defined(FASTFACE_ARM64) && defined(__APPLE__)
  features.dotprod = true;  // every Mac of that kind has them
#elif defined(FASTFACE_ARM64) && defined(__linux__)
  constexpr unsigned long kDotProducts = 1ul << 20;  // HWCAP_ASIMDDP
  features.dotprod = (getauxval(AT_HWCAP) & kDotProducts) != 0;
#endif
  return features;
}

}  // namespace fastface
