// The kernels that scan a plane of codes: 4 bits a dimension for every row, 8 bits for the few that are left.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace kinspace {

// 4-bit codes lie in blocks of 16 rows. A line of a block, 64 bytes, holds 8 dimensions of each: byte 4 * i + t is of
// row i, its low nibble dimension t and its high nibble dimension 4 + t. A nibble u stands for 2u - 15.
constexpr size_t plane_rows = 16;
constexpr size_t plane_dims = 8;
constexpr size_t plane_line = 64;
constexpr size_t plane_queries = 4;  // at once
// 8-bit codes lie row by row, whole numbers in -127…127, padded with anything to a multiple of 64.
constexpr size_t plane_pad = 64;

// One query's side of a sieve. A row's nearness is at most
//   (scale * step * (2 sum - offset) + error * of_error + norm * of_norm + base) * stretch - weight * norm^2.
struct Sieve {
  int32_t offset;
  float step, of_error, of_norm, base, weight, tau;
};

struct PlaneKernels {
  const char* isa;
  // sums[16 * j + i] = sum of u * q over row i of a block and query j of count (1…plane_queries): lines * 8 int8 each.
  // Has the lines of next fetched meanwhile, if it is not null.
  void (*sums4)(const uint8_t* block, const uint8_t* next, size_t lines, const int8_t* const* queries, size_t count,
                int32_t* sums) noexcept;
  // Which of a block's rows may be at least as near as tau: bit i is clear only if that bound is a number below tau.
  uint32_t (*sift)(const int32_t* sums, const Sieve& sieve, const float* scale, const float* error, const float* norm,
                   const float* stretch) noexcept;
  // out[i] = sum of code * q of row i; dims is a multiple of 32, and no sum leaves int32. Room for n rounded up to 4.
  void (*sums8)(const int16_t* q, size_t dims, const int8_t* const* rows, size_t n, int32_t* out) noexcept;
};

extern const PlaneKernels scalar_plane;  // the reference that tests compare with
#if defined(KINSPACE_X86)
extern const PlaneKernels avx2_plane;
extern const PlaneKernels avx512_plane;  // with VNNI
#elif defined(KINSPACE_ARM64)
extern const PlaneKernels neon_plane;
#endif

const PlaneKernels& plane_kernels() noexcept;

}  // namespace kinspace
