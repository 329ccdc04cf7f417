// The plane kernels for AVX-512 with VNNI: a block's 16 rows are the lanes of a register.
#include <immintrin.h>

#include "simd/plane.hpp"

#define KINSPACE_LANES 16
#include "simd/plane.inl"

namespace kinspace {
namespace {

inline __m512i four_of(const int8_t* q) {
  int32_t four;
  memcpy(&four, q, sizeof four);
  return _mm512_set1_epi32(four);
}

template <size_t N>
inline void sums4_of(const uint8_t* block, const uint8_t* next, size_t lines, const int8_t* const* q, int32_t* sums) {
  const __m512i low = _mm512_set1_epi8(0x0f);
  __m512i sum[N][2] = {};
#pragma GCC unroll 2
  for (size_t line = 0; line < lines; ++line) {
    if (next != nullptr) __builtin_prefetch(next + line * plane_line);
    const __m512i both = _mm512_loadu_si512(block + line * plane_line);
    const __m512i c_low = _mm512_and_si512(both, low), c_high = _mm512_and_si512(_mm512_srli_epi16(both, 4), low);
#pragma GCC unroll 4
    for (size_t j = 0; j < N; ++j) {
      const int8_t* at = q[j] + line * plane_dims;
      sum[j][0] = _mm512_dpbusd_epi32(sum[j][0], c_low, four_of(at));
      sum[j][1] = _mm512_dpbusd_epi32(sum[j][1], c_high, four_of(at + 4));
    }
  }
  for (size_t j = 0; j < N; ++j) _mm512_storeu_si512(sums + plane_rows * j, _mm512_add_epi32(sum[j][0], sum[j][1]));
}

void sums4(const uint8_t* block, const uint8_t* next, size_t lines, const int8_t* const* queries, size_t count,
           int32_t* sums) noexcept {
  switch (count) {
    case 1:
      return sums4_of<1>(block, next, lines, queries, sums);
    case 2:
      return sums4_of<2>(block, next, lines, queries, sums);
    case 3:
      return sums4_of<3>(block, next, lines, queries, sums);
    default:
      return sums4_of<4>(block, next, lines, queries, sums);
  }
}

void sums8(const int16_t* q, size_t dims, const int8_t* const* rows, size_t n, int32_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) {
    __m512i sum = _mm512_setzero_si512();
    for (size_t d = 0; d < dims; d += 32) {
      const __m256i c = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[i] + d));
      sum = _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_cvtepi8_epi16(c), _mm512_loadu_si512(q + d)));
    }
    out[i] = _mm512_reduce_add_epi32(sum);
  }
}

}  // namespace

const PlaneKernels avx512_plane = {"avx512", sums4, sift, sums8};

}  // namespace kinspace
