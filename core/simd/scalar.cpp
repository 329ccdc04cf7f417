// The reference kernels: naive loops that every other instruction set is tested against.
#include "simd/kernels.hpp"

namespace kinspace {
namespace {

double reduce(const double* lane) noexcept {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

double dot(const float* a, const float* b, size_t dims) noexcept {
  double lane[8] = {};
  for (size_t i = 0; i < dims; ++i) lane[i % 8] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return reduce(lane);
}

double squares(const float* a, size_t dims) noexcept { return dot(a, a, dims); }

double l2sq(const float* a, const float* b, size_t dims) noexcept {
  double lane[8] = {};
  for (size_t i = 0; i < dims; ++i) {
    const double gap = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    lane[i % 8] += gap * gap;
  }
  return reduce(lane);
}

void dot_squares(const float* a, const float* b, size_t dims, double* sums) noexcept {
  sums[0] = dot(a, b, dims);
  sums[1] = dot(b, b, dims);
}

}  // namespace

extern const Kernels scalar_kernels;
const Kernels scalar_kernels = {"scalar", dot, squares, l2sq, dot_squares};

}  // namespace kinspace
