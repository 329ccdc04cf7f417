// The exact kernels over vectors of eight doubles. Build with -ffp-contract=off.
#include <stddef.h>

#include "simd/kernels.hpp"

namespace kinspace {
namespace {

typedef float F8 __attribute__((vector_size(32)));
typedef float LooseF8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef double D8 __attribute__((vector_size(64)));

inline D8 widen(const float* p) { return __builtin_convertvector(*reinterpret_cast<const LooseF8*>(p), D8); }

inline D8 widen_part(const float* p, size_t n) {
  float part[8] = {};
  for (size_t i = 0; i < n; ++i) part[i] = p[i];
  return widen(part);
}

inline double reduce(D8 s) { return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])); }

double dot(const float* a, const float* b, size_t dims) noexcept {
  D8 sum = {};
  size_t i = 0;
  for (; i + 8 <= dims; i += 8) sum += widen(a + i) * widen(b + i);
  if (i < dims) sum += widen_part(a + i, dims - i) * widen_part(b + i, dims - i);
  return reduce(sum);
}

double squares(const float* a, size_t dims) noexcept {
  D8 sum = {};
  size_t i = 0;
  for (; i + 8 <= dims; i += 8) {
    const D8 x = widen(a + i);
    sum += x * x;
  }
  if (i < dims) {
    const D8 x = widen_part(a + i, dims - i);
    sum += x * x;
  }
  return reduce(sum);
}

double l2sq(const float* a, const float* b, size_t dims) noexcept {
  D8 sum = {};
  size_t i = 0;
  for (; i + 8 <= dims; i += 8) {
    const D8 gap = widen(a + i) - widen(b + i);
    sum += gap * gap;
  }
  if (i < dims) {
    const D8 gap = widen_part(a + i, dims - i) - widen_part(b + i, dims - i);
    sum += gap * gap;
  }
  return reduce(sum);
}

void dot_squares(const float* a, const float* b, size_t dims, double* sums) noexcept {
  D8 sum = {}, squared = {};
  size_t i = 0;
  for (; i + 8 <= dims; i += 8) {
    const D8 x = widen(b + i);
    sum += widen(a + i) * x;
    squared += x * x;
  }
  if (i < dims) {
    const D8 x = widen_part(b + i, dims - i);
    sum += widen_part(a + i, dims - i) * x;
    squared += x * x;
  }
  sums[0] = reduce(sum);
  sums[1] = reduce(squared);
}

}  // namespace
}  // namespace kinspace
