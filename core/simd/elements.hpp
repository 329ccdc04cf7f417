// What rows are made of beside floats: how they become floats, and how packed bits are compared.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace kinspace {

enum class Element : uint8_t {
  float32,
  float16,
  bfloat16,
  int8,
  bit
};  // bit: bit i of a row is bit i % 8 of byte i / 8

struct ElementKernels {
  // The floats of n elements, which lie at a multiple of their size. Every one of them is a float: nothing is rounded.
  void (*float16)(const void* from, size_t n, float* to) noexcept;
  void (*bfloat16)(const void* from, size_t n, float* to) noexcept;
  void (*int8)(const void* from, size_t n, float* to) noexcept;
  void (*bit)(const void* from, size_t n, float* to) noexcept;  // 0.0 or 1.0

  // Of the first `bits` of each of n packed rows: how many differ from the query's, are set in both, are set in either.
  void (*differing)(const uint8_t* query, const uint8_t* const* rows, size_t n, size_t bits, uint32_t* out) noexcept;
  void (*common)(const uint8_t* query, const uint8_t* const* rows, size_t n, size_t bits, uint32_t* both,
                 uint32_t* either) noexcept;
  // How many bits are set in both of two bitmaps of so many words.
  size_t (*shared)(const uint64_t* one, const uint64_t* other, size_t words) noexcept;
};

extern const ElementKernels scalar_elements;  // the reference that tests compare with
#if defined(KINSPACE_X86)
extern const ElementKernels avx2_elements;  // with F16C and POPCNT
#elif defined(KINSPACE_ARM64)
extern const ElementKernels neon_elements;
#endif

const ElementKernels& element_kernels() noexcept;  // those that go with the kernel table in use

inline size_t row_bytes_of(Element element, size_t dims) noexcept {
  switch (element) {
    case Element::float32:
      return 4 * dims;
    case Element::float16:
    case Element::bfloat16:
      return 2 * dims;
    case Element::int8:
      return dims;
    case Element::bit:
      break;
  }
  return (dims + 7) / 8;
}

// The floats of one row that is not float32.
inline void widen(Element element, const void* from, size_t n, float* to) noexcept {
  const ElementKernels& kernels = element_kernels();
  (element == Element::float16    ? kernels.float16
   : element == Element::bfloat16 ? kernels.bfloat16
   : element == Element::int8     ? kernels.int8
                                  : kernels.bit)(from, n, to);
}

}  // namespace kinspace
