// Elements for AVX2 with F16C and POPCNT.
#include <immintrin.h>

#include "simd/elements.inl"

namespace kinspace {
namespace {

void float16(const void* from, size_t n, float* to) noexcept {
  const auto* x = static_cast<const uint16_t*>(from);
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))));
  for (; i < n; ++i) to[i] = _cvtsh_ss(x[i]);
}

}  // namespace

const ElementKernels avx2_elements = {float16, bfloat16, int8, bit, differing, common, shared};

}  // namespace kinspace
