// What this CPU and operating system can run.
#pragma once

namespace fastface {

struct CpuFeatures {
  bool sse42 = false;
  bool avx2 = false;        // AVX2 + FMA, and the OS saves the registers
  bool avx512 = false;      // AVX-512 F, VL, BW and DQ, likewise
  bool avx512vnni = false;  // the same and VNNI
  bool avx512amx = false;   // the same, AVX512_BF16, and AMX for both, which the system lets us use
  bool dotprod = false;     // 64-bit Arm's dot products of bytes
};

CpuFeatures cpu_features();

}  // namespace fastface
