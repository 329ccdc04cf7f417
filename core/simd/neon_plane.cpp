// The plane kernels for aarch64: s8 times s8 in sums of 16 bits, s8 times s16 in sums of 32.
#include <arm_neon.h>

#include "simd/plane.hpp"

#define KINSPACE_LANES 8
#include "simd/plane.inl"

namespace kinspace {
namespace {

constexpr size_t together = 8;  // lines whose products fit in 16 bits: 2 of at most 15 * 127 from each

inline int8x16_t four_of(const int8_t* q) {
  int32_t four;
  memcpy(&four, q, sizeof four);
  return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

// 4 rows at a time, a quarter of a line.
inline void sums_of_four(const uint8_t* quarter, size_t lines, const int8_t* q, int32_t* sums) {
  int32x4_t sum = vdupq_n_s32(0);
  for (size_t line = 0; line < lines; line += together) {
    int16x8_t part[2] = {vdupq_n_s16(0), vdupq_n_s16(0)};
    const size_t end = line + together < lines ? line + together : lines;
    for (size_t i = line; i < end; ++i) {
      const uint8x16_t both = vld1q_u8(quarter + i * plane_line);
      const int8x16_t c_low = vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(15))),
                      c_high = vreinterpretq_s8_u8(vshrq_n_u8(both, 4));
      const int8x16_t q_low = four_of(q + i * plane_dims), q_high = four_of(q + i * plane_dims + 4);
      part[0] =
          vmlal_s8(vmlal_s8(part[0], vget_low_s8(c_low), vget_low_s8(q_low)), vget_low_s8(c_high), vget_low_s8(q_high));
      part[1] = vmlal_high_s8(vmlal_high_s8(part[1], c_low, q_low), c_high, q_high);
    }
    sum = vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(part[0]), vpaddlq_s16(part[1])));
  }
  vst1q_s32(sums, sum);
}

void sums4(const uint8_t* block, const uint8_t* next, size_t lines, const int8_t* const* queries, size_t count,
           int32_t* sums) noexcept {
  for (size_t line = 0; next != nullptr && line < lines; ++line) __builtin_prefetch(next + line * plane_line);
  for (size_t j = 0; j < count; ++j)
    for (size_t quarter = 0; quarter < 4; ++quarter)
      sums_of_four(block + 16 * quarter, lines, queries[j], sums + plane_rows * j + 4 * quarter);
}

void sums8(const int16_t* q, size_t dims, const int8_t* const* rows, size_t n, int32_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) {
    int32x4_t sum[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
    for (size_t d = 0; d < dims; d += 16) {
      const int8x16_t c = vld1q_s8(rows[i] + d);
      const int16x8_t c_low = vmovl_s8(vget_low_s8(c)), c_high = vmovl_high_s8(c);
      const int16x8_t q_low = vld1q_s16(q + d), q_high = vld1q_s16(q + d + 8);
      sum[0] = vmlal_high_s16(vmlal_s16(sum[0], vget_low_s16(c_low), vget_low_s16(q_low)), c_low, q_low);
      sum[1] = vmlal_high_s16(vmlal_s16(sum[1], vget_low_s16(c_high), vget_low_s16(q_high)), c_high, q_high);
    }
    out[i] = vaddvq_s32(vaddq_s32(sum[0], sum[1]));
  }
}

}  // namespace

const PlaneKernels neon_plane = {"neon", sums4, sift, sums8};

}  // namespace kinspace
