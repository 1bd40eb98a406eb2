// Chooses the table of kernels at first use: targets best first, override by FASTFACE_TARGET.
#include <array>
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/cpu.hpp"
#include "core/kernels.hpp"

namespace fastface {

namespace baseline {
extern const Kernels table;
}
#if defined(FASTFACE_X86)
namespace sse42 {
extern const Kernels table;
}
namespace avx2 {
extern const Kernels table;
}
namespace avx512 {
extern const Kernels table;
}
namespace avx512vnni {
extern const Kernels table;
}
#if defined(FASTFACE_AMX)
namespace avx512amx {
extern const Kernels table;
}
#endif
#elif defined(FASTFACE_ARM64)
namespace dotprod {
extern const Kernels table;
}
#endif

namespace {

struct Available {
  std::array<const Kernels*, 6> tables{};
  std::size_t count = 0;

  Available() {
    [[maybe_unused]] const CpuFeatures cpu = cpu_features();
#if defined(FASTFACE_X86)
#if defined(FASTFACE_AMX)
    if (cpu.avx512amx) tables[count++] = &avx512amx::table;
#endif
    if (cpu.avx512vnni) tables[count++] = &avx512vnni::table;
    if (cpu.avx512) tables[count++] = &avx512::table;
    if (cpu.avx2) tables[count++] = &avx2::table;
    if (cpu.sse42) tables[count++] = &sse42::table;
#elif defined(FASTFACE_ARM64)
    if (cpu.dotprod) tables[count++] = &dotprod::table;
#endif
    tables[count++] = &baseline::table;
  }
};

const Available& available() {
  static const Available instance;
  return instance;
}

const Kernels* find(std::string_view target, const char* asked_by) {
  std::string names;
  for (const Kernels* table : available_kernels()) {
    if (target == table->target) return table;
    names += names.empty() ? "" : ", ";
    names += table->target;
  }
  throw std::invalid_argument(std::string(asked_by) + ": expected one of " + names +
                              " on this machine, got '" + std::string(target) + "'");
}

const Kernels* default_kernels() {
  const char* wanted = std::getenv("FASTFACE_TARGET");
  return wanted && *wanted ? find(wanted, "FASTFACE_TARGET") : available().tables[0];
}

std::atomic<const Kernels*> chosen{nullptr};

}  // namespace

std::span<const Kernels* const> available_kernels() { return {available().tables.data(), available().count}; }

const Kernels& kernels() {
  const Kernels* table = chosen.load(std::memory_order_acquire);
  if (!table) {
    table = default_kernels();
    chosen.store(table, std::memory_order_release);
  }
  return *table;
}

void select_kernels(const char* target) {
  chosen.store(*target ? find(target, "target") : default_kernels(), std::memory_order_release);
}

}  // namespace fastface
