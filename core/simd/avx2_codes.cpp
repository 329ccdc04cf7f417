// The code kernels for AVX2: u4 times s8 in sums of 16 bits, u8 times s8 widened to 16 bits first.
#include <immintrin.h>

#include "simd/codes.hpp"

namespace kinspace {
namespace {

inline __m256i half_at(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

// Lane j of the result is the sum of v[j]'s lanes.
inline __m128i sum_four(const __m256i (&v)[4]) {
  const __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
  return _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
}

// A line is 4 products of at most 2 * 15 * 128 in each 16 bits: two lines fit.
inline void add_line4(__m256i (&part)[4], const int8_t* q, const uint8_t* const (&code)[4], size_t line) {
  const __m256i low = _mm256_set1_epi8(0x0f);
#pragma GCC unroll 2
  for (size_t half = 0; half < 64; half += 32) {
    const __m256i q_low = half_at(q + line * 128 + half), q_high = half_at(q + line * 128 + 64 + half);
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; ++j) {
      const __m256i c = half_at(code[j] + line * 64 + half);
      const __m256i a = _mm256_maddubs_epi16(_mm256_and_si256(c, low), q_low);
      const __m256i b = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(c, 4), low), q_high);
      part[j] = _mm256_add_epi16(part[j], _mm256_add_epi16(a, b));
    }
  }
}

inline void add_line8(__m256i (&sum)[4], const int8_t* q, const uint8_t* const (&code)[4], size_t line) {
#pragma GCC unroll 2
  for (size_t half = 0; half < 64; half += 32) {
    const __m256i both = half_at(q + line * 64 + half);
    const __m256i q_even = _mm256_srai_epi16(_mm256_slli_epi16(both, 8), 8), q_odd = _mm256_srai_epi16(both, 8);
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; ++j) {
      const __m256i c = half_at(code[j] + line * 64 + half);
      const __m256i a = _mm256_madd_epi16(_mm256_and_si256(c, _mm256_set1_epi16(0xff)), q_even);
      const __m256i b = _mm256_madd_epi16(_mm256_srli_epi16(c, 8), q_odd);
      sum[j] = _mm256_add_epi32(sum[j], _mm256_add_epi32(a, b));
    }
  }
}

template <CodeKind K, size_t Lines>
inline __m128i four_sums(const Hop& hop, const uint8_t* const (&code)[4]) {
  const size_t lines = Lines != 0 ? Lines : hop.lines;
  const auto* q = static_cast<const int8_t*>(hop.query);
  __m256i sum[4] = {};
  if constexpr (K == CodeKind::sq8) {
#pragma GCC unroll 8
    for (size_t line = 0; line < lines; ++line) add_line8(sum, q, code, line);
  } else {
#pragma GCC unroll 4
    for (size_t line = 0; line < lines; line += 2) {
      __m256i part[4] = {};
      add_line4(part, q, code, line);
      if (line + 1 < lines) add_line4(part, q, code, line + 1);
#pragma GCC unroll 4
      for (size_t j = 0; j < 4; ++j)
        sum[j] = _mm256_add_epi32(sum[j], _mm256_madd_epi16(part[j], _mm256_set1_epi16(1)));
    }
  }
  return sum_four(sum);
}

}  // namespace
}  // namespace kinspace

#define KINSPACE_LANES 8
#include "simd/codes.inl"

namespace kinspace {
const CodeKernels avx2_codes = {
    "avx2",
    {expand<CodeKind::sq4>, expand<CodeKind::sq8>, expand<CodeKind::l2>, expand<CodeKind::dot>},
    {score<CodeKind::sq4>, score<CodeKind::sq8>, score<CodeKind::l2>, score<CodeKind::dot>},
    sums8,
    encode4,
    encode8,
    greatest,
    quantize};
}  // namespace kinspace
