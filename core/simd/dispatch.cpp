// Picks the kernel table: what the processor has (CPUID) and the operating system saves (XCR0).
#include "simd/dispatch.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace kinspace {
namespace {
std::atomic<const Kernels*> active{&scalar_kernels};
}

std::vector<const Kernels*> supported_kernels() {
  std::vector<const Kernels*> found;
#if defined(KINSPACE_X86)
  // GCC's and Clang's __builtin_cpu_supports reports AVX levels only where XCR0 enables their registers.
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    found.push_back(&avx512_kernels);
  if (avx2) found.push_back(&avx2_kernels);
#elif defined(KINSPACE_ARM64)
  found.push_back(&neon_kernels);  // part of every aarch64
#endif
  found.push_back(&scalar_kernels);
  return found;
}

bool force_kernels(const std::string& isa) {
  for (const Kernels* table : supported_kernels()) {
    if (isa != table->isa) continue;
    active.store(table, std::memory_order_relaxed);
    return true;
  }
  return false;
}

void choose_kernels() {
  const char* forced = std::getenv("KINSPACE_ISA");
  const std::vector<const Kernels*> tables = supported_kernels();
  if (forced == nullptr || *forced == '\0') {
    active.store(tables.front(), std::memory_order_relaxed);
  } else if (!force_kernels(forced)) {
    std::string what = std::string("KINSPACE_ISA=") + forced + ": this machine has";
    for (const Kernels* table : tables) what += std::string(" ") + table->isa;
    throw std::runtime_error(what);
  }
}

const Kernels& kernels() noexcept { return *active.load(std::memory_order_relaxed); }

}  // namespace kinspace
