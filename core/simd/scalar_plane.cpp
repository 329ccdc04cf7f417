// The reference plane kernels: naive loops that every other instruction set is tested against.
#include "simd/plane.hpp"

namespace kinspace {
namespace {

void sums4(const uint8_t* block, const uint8_t*, size_t lines, const int8_t* const* queries, size_t count,
           int32_t* sums) noexcept {
  for (size_t j = 0; j < count; ++j)
    for (size_t i = 0; i < plane_rows; ++i) {
      int32_t sum = 0;
      for (size_t line = 0; line < lines; ++line)
        for (size_t t = 0; t < 4; ++t) {
          const int u = block[line * plane_line + 4 * i + t];
          const int8_t* q = queries[j] + line * plane_dims + t;
          sum += (u & 15) * q[0] + (u >> 4) * q[4];
        }
      sums[plane_rows * j + i] = sum;
    }
}

uint32_t sift(const int32_t* sums, const Sieve& sieve, const float* scale, const float* error, const float* norm,
              const float* stretch) noexcept {
  uint32_t kept = 0;
  for (size_t i = 0; i < plane_rows; ++i) {
    const float dot = scale[i] * sieve.step * static_cast<float>(2 * sums[i] - sieve.offset);
    const float most = (dot + error[i] * sieve.of_error + norm[i] * sieve.of_norm + sieve.base) * stretch[i] -
                       sieve.weight * norm[i] * norm[i];
    kept |= static_cast<uint32_t>(!(most < sieve.tau)) << i;
  }
  return kept;
}

void sums8(const int16_t* q, size_t dims, const int8_t* const* rows, size_t n, int32_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) {
    int32_t sum = 0;
    for (size_t d = 0; d < dims; ++d) sum += rows[i][d] * q[d];
    out[i] = sum;
  }
}

}  // namespace

const PlaneKernels scalar_plane = {"scalar", sums4, sift, sums8};

}  // namespace kinspace
