// Picks the kernel tables: what the processor has (CPUID) and the operating system saves (XCR0).
#include "simd/dispatch.hpp"

#include "simd/codes.hpp"
#include "simd/elements.hpp"
#include "simd/plane.hpp"

#if defined(KINSPACE_X86)
#include <cpuid.h>
#endif

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace kinspace {
namespace {

std::atomic<const Kernels*> active{&scalar_kernels};
std::atomic<const CodeKernels*> active_codes{&scalar_codes};
std::atomic<const PlaneKernels*> active_plane{&scalar_plane};
std::atomic<const ElementKernels*> active_elements{&scalar_elements};

#if defined(KINSPACE_X86)
// What the processor can do and the system lets it: a register that is not saved at a task switch is of no use.
struct Processor {
  bool avx2 = false;    // with FMA
  bool half = false;    // F16C and POPCNT
  bool avx512 = false;  // F, BW, DQ and VL
  bool vnni = false;    // AVX-512's

  Processor() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0) return;
    const bool saves = bit(c, 27), fma = bit(c, 12), converts = bit(c, 29) && bit(c, 23);
    if (!saves || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return;
    unsigned low = 0, high = 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));  // XCR0: 1 SSE, 2 AVX; 5, 6, 7 AVX-512
    avx2 = (low & 0x06) == 0x06 && fma && bit(b, 5);
    half = avx2 && converts;
    avx512 = avx2 && (low & 0xe6) == 0xe6 && bit(b, 16) && bit(b, 17) && bit(b, 30) && bit(b, 31);
    vnni = avx512 && bit(c, 11);
  }

 private:
  static bool bit(unsigned word, int i) { return (word >> i & 1) != 0; }
};
#endif

// The code kernels that go with a table.
const CodeKernels& codes_with(const Kernels* table) {
#if defined(KINSPACE_X86)
  if (table == &avx512_kernels) return Processor().vnni ? avx512_codes : avx2_codes;
  if (table == &avx2_kernels) return avx2_codes;
#elif defined(KINSPACE_ARM64)
  if (table == &neon_kernels) return neon_codes;
#endif
  static_cast<void>(table);
  return scalar_codes;
}

// The plane kernels that go with a table.
const PlaneKernels& plane_with(const Kernels* table) {
#if defined(KINSPACE_X86)
  if (table == &avx512_kernels) return Processor().vnni ? avx512_plane : avx2_plane;
  if (table == &avx2_kernels) return avx2_plane;
#elif defined(KINSPACE_ARM64)
  if (table == &neon_kernels) return neon_plane;
#endif
  static_cast<void>(table);
  return scalar_plane;
}

// The element kernels that go with a table.
const ElementKernels& elements_with(const Kernels* table) {
#if defined(KINSPACE_X86)
  if (table != &scalar_kernels && Processor().half) return avx2_elements;
#elif defined(KINSPACE_ARM64)
  if (table == &neon_kernels) return neon_elements;
#endif
  static_cast<void>(table);
  return scalar_elements;
}

void use(const Kernels* table) {
  active.store(table, std::memory_order_relaxed);
  active_codes.store(&codes_with(table), std::memory_order_relaxed);
  active_plane.store(&plane_with(table), std::memory_order_relaxed);
  active_elements.store(&elements_with(table), std::memory_order_relaxed);
}

}  // namespace

std::vector<const Kernels*> supported_kernels() {
  std::vector<const Kernels*> found;
#if defined(KINSPACE_X86)
  const Processor has;
  if (has.avx512) found.push_back(&avx512_kernels);
  if (has.avx2) found.push_back(&avx2_kernels);
#elif defined(KINSPACE_ARM64)
  found.push_back(&neon_kernels);  // part of every aarch64
#endif
  found.push_back(&scalar_kernels);
  return found;
}

bool force_kernels(const std::string& isa) {
  for (const Kernels* table : supported_kernels()) {
    if (isa != table->isa) continue;
    use(table);
    return true;
  }
  return false;
}

void choose_kernels() {
  const char* forced = std::getenv("KINSPACE_ISA");
  const std::vector<const Kernels*> tables = supported_kernels();
  if (forced == nullptr || *forced == '\0') {
    use(tables.front());
  } else if (!force_kernels(forced)) {
    std::string what = std::string("KINSPACE_ISA=") + forced + ": this machine has";
    for (const Kernels* table : tables) what += std::string(" ") + table->isa;
    throw std::runtime_error(what);
  }
}

const Kernels& kernels() noexcept { return *active.load(std::memory_order_relaxed); }
const ElementKernels& element_kernels() noexcept { return *active_elements.load(std::memory_order_relaxed); }
const CodeKernels& code_kernels() noexcept { return *active_codes.load(std::memory_order_relaxed); }
const PlaneKernels& plane_kernels() noexcept { return *active_plane.load(std::memory_order_relaxed); }

}  // namespace kinspace
