// The plane kernels for AVX2: u4 times s8 in sums of 16 bits, s8 times s16 in sums of 32.
#include <immintrin.h>

#include "simd/plane.hpp"

#define KINSPACE_LANES 8
#include "simd/plane.inl"

namespace kinspace {
namespace {

constexpr size_t together = 4;  // lines whose products fit in 16 bits: 4 of at most 15 * 127 from each

inline __m256i bytes_at(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

inline __m256i four_of(const int8_t* q) {
  int32_t four;
  memcpy(&four, q, sizeof four);
  return _mm256_set1_epi32(four);
}

// Adds a line's products of N queries with Halves * 8 rows.
template <size_t N, size_t Halves>
inline void add_line(__m256i (&part)[N][Halves], const uint8_t* line, const int8_t* const* q, size_t at) {
  const __m256i low = _mm256_set1_epi8(0x0f);
  __m256i c[Halves][2];
#pragma GCC unroll 2
  for (size_t h = 0; h < Halves; ++h) {
    const __m256i both = bytes_at(line + 32 * h);
    c[h][0] = _mm256_and_si256(both, low);
    c[h][1] = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
  }
#pragma GCC unroll 4
  for (size_t j = 0; j < N; ++j) {
    const __m256i q_low = four_of(q[j] + at), q_high = four_of(q[j] + at + 4);
#pragma GCC unroll 2
    for (size_t h = 0; h < Halves; ++h) {
      part[j][h] = _mm256_add_epi16(
          part[j][h], _mm256_add_epi16(_mm256_maddubs_epi16(c[h][0], q_low), _mm256_maddubs_epi16(c[h][1], q_high)));
      asm("" : "+x"(part[j][h]));  // in this order: GCC 12 puts all sums off to the end, and spills
    }
  }
}

template <size_t N, size_t Halves>
inline void sums4_of(const uint8_t* block, const uint8_t* next, size_t lines, const int8_t* const* q, int32_t* sums) {
  __m256i sum[N][Halves] = {};
  for (size_t line = 0; line < lines; line += together) {
    __m256i part[N][Halves] = {};
    if (next != nullptr)
      for (size_t i = line; i < line + together; ++i) __builtin_prefetch(next + i * plane_line);
    if (lines - line >= together) {
#pragma GCC unroll 4
      for (size_t i = line; i < line + together; ++i) add_line<N>(part, block + i * plane_line, q, i * plane_dims);
    } else {
#pragma GCC unroll 1
      for (size_t i = line; i < lines; ++i) add_line<N>(part, block + i * plane_line, q, i * plane_dims);
    }
#pragma GCC unroll 4
    for (size_t j = 0; j < N; ++j)
#pragma GCC unroll 2
      for (size_t h = 0; h < Halves; ++h)
        sum[j][h] = _mm256_add_epi32(sum[j][h], _mm256_madd_epi16(part[j][h], _mm256_set1_epi16(1)));
  }
  for (size_t j = 0; j < N; ++j)
    for (size_t h = 0; h < Halves; ++h)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + plane_rows * j + 8 * h), sum[j][h]);
}

void sums4(const uint8_t* block, const uint8_t* next, size_t lines, const int8_t* const* queries, size_t count,
           int32_t* sums) noexcept {
  switch (count) {
    case 1:
      return sums4_of<1, 2>(block, next, lines, queries, sums);
    case 2:
      return sums4_of<2, 2>(block, next, lines, queries, sums);
    case 3:
      for (size_t half = 0; half < 2; ++half)
        sums4_of<3, 1>(block + 32 * half, half == 0 ? next : nullptr, lines, queries, sums + 8 * half);
      return;
    default:
      for (size_t half = 0; half < 2; ++half)
        sums4_of<4, 1>(block + 32 * half, half == 0 ? next : nullptr, lines, queries, sums + 8 * half);
  }
}

// Lane j of the result is the sum of v[j]'s lanes.
inline __m128i sum_four(const __m256i (&v)[4]) {
  const __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
  return _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
}

void sums8(const int16_t* q, size_t dims, const int8_t* const* rows, size_t n, int32_t* out) noexcept {
  for (size_t i = 0; i < n; i += 4) {
    const int8_t* row[4];
    for (size_t j = 0; j < 4; ++j) row[j] = rows[i + j < n ? i + j : n - 1];
    __m256i sum[4] = {};
    for (size_t d = 0; d < dims; d += 32) {
      const __m256i q_low = bytes_at(q + d), q_high = bytes_at(q + d + 16);
#pragma GCC unroll 4
      for (size_t j = 0; j < 4; ++j) {
        const __m256i c = bytes_at(row[j] + d);
        const __m256i c_low = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(c)),
                      c_high = _mm256_cvtepi8_epi16(_mm256_extracti128_si256(c, 1));
        sum[j] = _mm256_add_epi32(sum[j],
                                  _mm256_add_epi32(_mm256_madd_epi16(c_low, q_low), _mm256_madd_epi16(c_high, q_high)));
      }
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), sum_four(sum));
  }
}

}  // namespace

const PlaneKernels avx2_plane = {"avx2", sums4, sift, sums8};

}  // namespace kinspace
