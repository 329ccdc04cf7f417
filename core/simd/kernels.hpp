// The kernel table: one per instruction set, chosen once, every field set.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace kinspace {

// Sums in double over each of n rows (a list of pointers to floats at any 4-byte alignment). Element i goes to lane
// i % 8, lanes are reduced ((0+4)+(2+6))+((1+5)+(3+7)), nothing is contracted: the same bits on every instruction set.
// NaN or infinity in, NaN or infinity out; finite in, finite out.
struct ExactKernels {
  void (*dots)(const float* a, const float* const* rows, size_t n, size_t dims, double* out) noexcept;
  void (*squares)(const float* const* rows, size_t n, size_t dims, double* out) noexcept;  // sum(x^2)
  void (*dots_squares)(const float* a, const float* const* rows, size_t n, size_t dims, double* out,
                       double* squares) noexcept;
  void (*l2sqs)(const float* a, const float* const* rows, size_t n, size_t dims, double* out) noexcept;  // sum((a-x)^2)
};

// Float kernels take rows as a list of pointers, so that whole chunks, strides and gathers are one case.
// The list must go on for `lookahead` valid pointers after its n: they may be fetched and are not compared.
// `out` and `squares` have room for n rounded up to a multiple of 8.
constexpr size_t lookahead = 72;
constexpr size_t most_ahead = 64;
// Rows compared between two looks at the survivors.
constexpr size_t block_rows = 64;

struct Kernels {
  const char* isa;  // "scalar" | "avx2" | "avx512" | "neon"
  const ExactKernels* exact;

  // One query, sums in at least 8 lanes. `ahead`: 0 when the rows are in cache, else how many rows ahead (at most
  // most_ahead) to fetch from memory.
  void (*dots)(const float* query, const float* const* rows, size_t n, size_t dims, size_t ahead, float* out) noexcept;
  void (*dots_squares)(const float* query, const float* const* rows, size_t n, size_t dims, size_t ahead, float* out,
                       float* squares) noexcept;
  void (*l2sqs)(const float* query, const float* const* rows, size_t n, size_t dims, size_t ahead, float* out) noexcept;
  void (*squares)(const float* const* rows, size_t n, size_t dims, size_t ahead, float* out) noexcept;

  float (*l2sq)(const float* a, const float* b, size_t dims) noexcept;  // one row

  // Many queries: `packed` holds dims x (vectors * lanes) floats, query-minor. out[row][vectors * lanes] = dot, each
  // summed over dims in order. `next`: rows to fetch meanwhile (as many as n), or null.
  size_t lanes;
  void (*tile[3])(const float* packed, const float* const* rows, const float* const* next, size_t n, size_t dims,
                  float* out) noexcept;  // [vectors - 1]

  // Which of block_rows rows may still be near enough: bit i is clear only if s[i] * mul[i] + add[i] is finite and
  // below tau.
  uint64_t (*sift)(const float* s, const float* mul, const float* add, float tau) noexcept;
  // The same for tile output of n rows x width queries: hits get row * width + query; returns how many.
  size_t (*sift_tile)(const float* s, const float* mul, const float* add, const float* tau, size_t n, size_t width,
                      uint32_t* hits) noexcept;

  bool (*finite)(const float* a, size_t n) noexcept;  // no NaN, no infinity
};

extern const Kernels scalar_kernels;  // the reference that tests compare with
#if defined(KINSPACE_X86)
extern const ExactKernels avx2_exact, avx512_exact;
extern const Kernels avx2_kernels, avx512_kernels;
#elif defined(KINSPACE_ARM64)
extern const ExactKernels neon_exact;
extern const Kernels neon_kernels;
#endif

}  // namespace kinspace
