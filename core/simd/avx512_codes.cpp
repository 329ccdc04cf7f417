// The code kernels for AVX-512 with VNNI: sums of u4 or u8 times s8 without widening.
#include <immintrin.h>

#include "simd/codes.hpp"

namespace kinspace {
namespace {

inline __m512i line_at(const void* p) { return _mm512_loadu_si512(p); }

// Lane j of the result is the sum of v[j]'s lanes.
inline __m128i sum_four(const __m512i (&v)[4]) {
  const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
  const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
  const __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

template <CodeKind K, size_t Lines>
inline __m128i four_sums(const Hop& hop, const uint8_t* const (&code)[4]) {
  const size_t lines = Lines != 0 ? Lines : hop.lines;
  const auto* q = static_cast<const int8_t*>(hop.query);
  const __m512i low = _mm512_set1_epi8(0x0f);
  __m512i sum[4] = {};
#pragma GCC unroll 8
  for (size_t line = 0; line < lines; ++line)
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; ++j) {
      const __m512i c = line_at(code[j] + line * 64);
      if constexpr (K == CodeKind::sq8) {
        sum[j] = _mm512_dpbusd_epi32(sum[j], c, line_at(q + line * 64));
      } else {
        sum[j] = _mm512_dpbusd_epi32(sum[j], _mm512_and_si512(c, low), line_at(q + line * 128));
        sum[j] =
            _mm512_dpbusd_epi32(sum[j], _mm512_and_si512(_mm512_srli_epi16(c, 4), low), line_at(q + line * 128 + 64));
      }
    }
  return sum_four(sum);
}

}  // namespace
}  // namespace kinspace

#define KINSPACE_LANES 16
#include "simd/codes.inl"

namespace kinspace {
const CodeKernels avx512_codes = {
    "avx512",
    {expand<CodeKind::sq4>, expand<CodeKind::sq8>, expand<CodeKind::l2>, expand<CodeKind::dot>},
    {score<CodeKind::sq4>, score<CodeKind::sq8>, score<CodeKind::l2>, score<CodeKind::dot>},
    sums8,
    encode4,
    encode8,
    greatest,
    quantize};
}  // namespace kinspace
