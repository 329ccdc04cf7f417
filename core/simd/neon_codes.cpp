// The code kernels for aarch64: s8 times s8 in sums of 16 bits.
#include <arm_neon.h>

#include "simd/codes.hpp"

namespace kinspace {
namespace {

// Products of one line's 16 dimensions, in two halves.
inline void add_products(int16x8_t (&part)[2], int8x16_t code, int8x16_t q) {
  part[0] = vmlal_s8(part[0], vget_low_s8(code), vget_low_s8(q));
  part[1] = vmlal_high_s8(part[1], code, q);
}

// A line is 8 products of at most 15 * 128 in each 16 bits: two lines fit.
inline void add_line4(int16x8_t (&part)[4][2], const int8_t* q, const uint8_t* const (&code)[4], size_t line) {
#pragma GCC unroll 4
  for (size_t i = 0; i < 64; i += 16) {
    const int8x16_t q_low = vld1q_s8(q + line * 128 + i), q_high = vld1q_s8(q + line * 128 + 64 + i);
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; ++j) {
      const uint8x16_t c = vld1q_u8(code[j] + line * 64 + i);
      add_products(part[j], vreinterpretq_s8_u8(vandq_u8(c, vdupq_n_u8(15))), q_low);
      add_products(part[j], vreinterpretq_s8_u8(vshrq_n_u8(c, 4)), q_high);
    }
  }
}

// By u - 128, which is at least -127: two products fit in 16 bits. q_sum: of q, for the 128s.
inline void add_line8(int32x4_t (&sum)[4], int32x4_t& q_sum, const int8_t* q, const uint8_t* const (&code)[4],
                      size_t line) {
#pragma GCC unroll 2
  for (size_t i = 0; i < 64; i += 32) {
    const int8x16_t a = vld1q_s8(q + line * 64 + i), b = vld1q_s8(q + line * 64 + i + 16);
    q_sum = vpadalq_s16(q_sum, vpadalq_s8(vpaddlq_s8(a), b));
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; ++j) {
      const uint8_t* at = code[j] + line * 64 + i;
      int16x8_t part[2] = {};
      add_products(part, vreinterpretq_s8_u8(veorq_u8(vld1q_u8(at), vdupq_n_u8(128))), a);
      add_products(part, vreinterpretq_s8_u8(veorq_u8(vld1q_u8(at + 16), vdupq_n_u8(128))), b);
      sum[j] = vpadalq_s16(vpadalq_s16(sum[j], part[0]), part[1]);
    }
  }
}

template <CodeKind K, size_t Lines>
inline int32x4_t four_sums(const Hop& hop, const uint8_t* const (&code)[4]) {
  const size_t lines = Lines != 0 ? Lines : hop.lines;
  const auto* q = static_cast<const int8_t*>(hop.query);
  int32x4_t sum[4] = {}, q_sum = {};
  if constexpr (K == CodeKind::sq8) {
    for (size_t line = 0; line < lines; ++line) add_line8(sum, q_sum, q, code, line);
  } else {
    for (size_t line = 0; line < lines; line += 2) {
      int16x8_t part[4][2] = {};
      add_line4(part, q, code, line);
      if (line + 1 < lines) add_line4(part, q, code, line + 1);
#pragma GCC unroll 4
      for (size_t j = 0; j < 4; ++j) sum[j] = vpadalq_s16(vpadalq_s16(sum[j], part[j][0]), part[j][1]);
    }
  }
  const int32x4_t all = vpaddq_s32(vpaddq_s32(sum[0], sum[1]), vpaddq_s32(sum[2], sum[3]));
  return K == CodeKind::sq8 ? vaddq_s32(all, vdupq_n_s32(128 * vaddvq_s32(q_sum))) : all;
}

}  // namespace
}  // namespace kinspace

#define KINSPACE_LANES 8
#include "simd/codes.inl"

namespace kinspace {
const CodeKernels neon_codes = {
    "neon",
    {expand<CodeKind::sq4>, expand<CodeKind::sq8>, expand<CodeKind::l2>, expand<CodeKind::dot>},
    {score<CodeKind::sq4>, score<CodeKind::sq8>, score<CodeKind::l2>, score<CodeKind::dot>},
    sums8,
    encode4,
    encode8,
    greatest,
    quantize};
}  // namespace kinspace
