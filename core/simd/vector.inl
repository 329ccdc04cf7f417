// Vectors of the compiler's own kind (GCC and Clang); the including file sets KINSPACE_LANES, floats per register.
// Everything here is static: an inline function built for one instruction set must not be linked in for another.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace kinspace {
namespace {

constexpr size_t lanes = KINSPACE_LANES;

typedef float F __attribute__((vector_size(lanes * 4)));
typedef int32_t I __attribute__((vector_size(lanes * 4)));
typedef float F4 __attribute__((vector_size(16)));
typedef float F8 __attribute__((vector_size(32)));
typedef float LooseF __attribute__((vector_size(lanes * 4), aligned(4), may_alias));
typedef int32_t LooseI __attribute__((vector_size(lanes * 4), aligned(4), may_alias));
typedef float LooseF8 __attribute__((vector_size(32), aligned(4), may_alias));

inline F load(const float* p) { return *reinterpret_cast<const LooseF*>(p); }
inline I load_bits(const float* p) { return *reinterpret_cast<const LooseI*>(p); }
inline void store(float* p, F v) { *reinterpret_cast<LooseF*>(p) = v; }
inline F keep(F v, I mask) { return reinterpret_cast<F>(reinterpret_cast<I>(v) & mask); }

// Lane i is all ones where i < n.
inline I lanes_before(size_t n) {
#if KINSPACE_LANES == 16
  const I lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#else
  const I lane = {0, 1, 2, 3, 4, 5, 6, 7};
#endif
  return lane < static_cast<int32_t>(n);
}

// Makes the compiler keep x in a register where it would rather read memory twice.
#if defined(__AVX512F__)
inline void hold(F& x) { asm("" : "+v"(x)); }
#elif defined(__AVX2__)
inline void hold(F& x) { asm("" : "+x"(x)); }
#else
inline void hold(F&) {}
#endif

// dims < lanes floats, the rest zero.
inline F load_part(const float* p, size_t dims) {
#if defined(__AVX512F__)
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << dims) - 1), p);
#elif defined(__AVX2__)
  return _mm256_maskload_ps(p, reinterpret_cast<__m256i>(lanes_before(dims)));
#else
  float part[lanes] = {};
  for (size_t i = 0; i < dims; ++i) part[i] = p[i];
  return load(part);
#endif
}

#if KINSPACE_LANES == 16
inline F8 fold(F a) {
  return __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7) +
         __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15);
}
#else
inline F8 fold(F a) { return a; }
#endif

inline F8 add_pairs(F8 a, F8 b) {
  return __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14) +
         __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
}
inline F8 add_fours(F8 a, F8 b) {
  return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) +
         __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
}
inline F8 add_halves(F8 a, F8 b) {
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +
         __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
}

// out[i] = the sum of the lanes of v[i].
inline void sum_lanes(const F (&v)[8], float* out) {
  const F8 low = add_fours(add_pairs(fold(v[0]), fold(v[1])), add_pairs(fold(v[2]), fold(v[3])));
  const F8 high = add_fours(add_pairs(fold(v[4]), fold(v[5])), add_pairs(fold(v[6]), fold(v[7])));
  *reinterpret_cast<LooseF8*>(out) = add_halves(low, high);
}

}  // namespace
}  // namespace kinspace
