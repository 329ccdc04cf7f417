// The exact kernels: eight lanes of doubles for each row, as registers of KINSPACE_DOUBLES; KINSPACE_EXACT_ROWS rows
// side by side hide the latency of the additions, each summed as it would be alone. Build with -ffp-contract=off.
#if defined(__AVX2__)
#include <immintrin.h>
#endif
#include <stddef.h>

#include "simd/kernels.hpp"

namespace kinspace {
namespace {

constexpr int doubles = KINSPACE_DOUBLES, parts = 8 / doubles;

typedef double D __attribute__((vector_size(doubles * 8)));

struct Lanes {
  D part[parts];
};

inline D widen(const float* p) {
#if KINSPACE_DOUBLES == 8
  return reinterpret_cast<D>(_mm512_cvtps_pd(_mm256_loadu_ps(p)));
#elif defined(__AVX2__)
  return reinterpret_cast<D>(_mm256_cvtps_pd(_mm_loadu_ps(p)));
#else
  typedef float Loose __attribute__((vector_size(doubles * 4), aligned(4), may_alias));
  return __builtin_convertvector(*reinterpret_cast<const Loose*>(p), D);
#endif
}

inline Lanes load(const float* p) {
  Lanes x;
#pragma GCC unroll 4
  for (int i = 0; i < parts; ++i) x.part[i] = widen(p + i * doubles);
  return x;
}

// n < 8 floats, the rest zero.
inline Lanes load_part(const float* p, size_t n) {
  alignas(32) float part[8] = {};
#if defined(__AVX2__)
  typedef int I8 __attribute__((vector_size(32)));
  const I8 mask = I8{0, 1, 2, 3, 4, 5, 6, 7} < static_cast<int>(n);
  _mm256_store_ps(part, _mm256_maskload_ps(p, reinterpret_cast<__m256i>(mask)));
#else
  for (size_t i = 0; i < n; ++i) part[i] = p[i];
#endif
  return load(part);
}

inline double reduce(const Lanes& x) {
  double s[8];
  for (int i = 0; i < 8; ++i) s[i] = x.part[i / doubles][i % doubles];
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

enum class Sum { dot, squares, dot_squares, l2sq };

template <Sum S>
inline void add(Lanes& sum, Lanes& squared, const Lanes& a, const Lanes& x) {
#pragma GCC unroll 4
  for (int i = 0; i < parts; ++i) {
    if constexpr (S == Sum::l2sq) {
      const D gap = a.part[i] - x.part[i];
      sum.part[i] += gap * gap;
    } else {
      if constexpr (S != Sum::squares) sum.part[i] += a.part[i] * x.part[i];
      if constexpr (S != Sum::dot) squared.part[i] += x.part[i] * x.part[i];
    }
  }
}

template <Sum S, int R>
inline void sums(const float* a, const float* const* rows, size_t dims, double* out, double* out_squares) {
  Lanes sum[R] = {}, squared[R] = {};
  size_t i = 0;
  for (; i + 8 <= dims; i += 8) {
    const Lanes q = S == Sum::squares ? Lanes{} : load(a + i);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) add<S>(sum[r], squared[r], q, load(rows[r] + i));
  }
  if (i < dims) {
    const Lanes q = S == Sum::squares ? Lanes{} : load_part(a + i, dims - i);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) add<S>(sum[r], squared[r], q, load_part(rows[r] + i, dims - i));
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    if constexpr (S != Sum::squares) out[r] = reduce(sum[r]);
    if constexpr (S == Sum::squares || S == Sum::dot_squares) out_squares[r] = reduce(squared[r]);
  }
}

template <Sum S>
inline void all_sums(const float* a, const float* const* rows, size_t n, size_t dims, double* out, double* squared) {
  constexpr int R = KINSPACE_EXACT_ROWS;
  size_t j = 0;
  for (; j + R <= n; j += R) sums<S, R>(a, rows + j, dims, out + j, squared + j);
  for (; j < n; ++j) sums<S, 1>(a, rows + j, dims, out + j, squared + j);
}

void dots(const float* a, const float* const* rows, size_t n, size_t dims, double* out) noexcept {
  all_sums<Sum::dot>(a, rows, n, dims, out, out);
}

void squares(const float* const* rows, size_t n, size_t dims, double* out) noexcept {
  all_sums<Sum::squares>(nullptr, rows, n, dims, out, out);
}

void dots_squares(const float* a, const float* const* rows, size_t n, size_t dims, double* out,
                  double* squared) noexcept {
  all_sums<Sum::dot_squares>(a, rows, n, dims, out, squared);
}

void l2sqs(const float* a, const float* const* rows, size_t n, size_t dims, double* out) noexcept {
  all_sums<Sum::l2sq>(a, rows, n, dims, out, out);
}

}  // namespace
}  // namespace kinspace
