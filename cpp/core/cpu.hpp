// What this CPU and operating system can run.
#pragma once

namespace fastface {

struct CpuFeatures {
  bool avx2 = false;    // AVX2 + FMA, and the OS saves the registers
  bool avx512 = false;  // AVX-512 F, VL, BW and DQ, likewise
};

CpuFeatures cpu_features();

}  // namespace fastface
