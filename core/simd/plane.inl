// The sieve in the vectors of vector.inl.
#include "simd/vector.inl"

namespace kinspace {
namespace {

inline uint32_t not_below(F most, float tau) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(most), _mm512_set1_ps(tau), _CMP_NLT_UQ);
#elif defined(__AVX2__)
  const __m256 kept = _mm256_cmp_ps(reinterpret_cast<__m256>(most), _mm256_set1_ps(tau), _CMP_NLT_UQ);
  return static_cast<uint32_t>(_mm256_movemask_ps(kept));
#else
  uint32_t kept = 0;
  for (size_t i = 0; i < lanes; ++i) kept |= static_cast<uint32_t>(!(most[i] < tau)) << i;
  return kept;
#endif
}

uint32_t sift(const int32_t* sums, const Sieve& sieve, const float* scale, const float* error, const float* norm,
              const float* stretch) noexcept {
  uint32_t kept = 0;
#pragma GCC unroll 2
  for (size_t i = 0; i < plane_rows; i += lanes) {
    I sum;
    memcpy(&sum, sums + i, sizeof sum);
    const F dot = load(scale + i) * sieve.step * __builtin_convertvector(2 * sum - sieve.offset, F);
    const F size = load(norm + i);
    const F most = (dot + load(error + i) * sieve.of_error + (size * sieve.of_norm + sieve.base)) * load(stretch + i) -
                   size * sieve.weight * size;
    kept |= not_below(most, sieve.tau) << i;
  }
  return kept;
}

}  // namespace
}  // namespace kinspace
