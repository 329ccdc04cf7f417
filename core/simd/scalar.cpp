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

double l2sq(const float* a, const float* b, size_t dims) noexcept {
  double lane[8] = {};
  for (size_t i = 0; i < dims; ++i) {
    const double gap = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    lane[i % 8] += gap * gap;
  }
  return reduce(lane);
}

void exact_dots(const float* a, const float* const* rows, size_t n, size_t dims, double* out) noexcept {
  for (size_t j = 0; j < n; ++j) out[j] = dot(a, rows[j], dims);
}

void exact_squares(const float* const* rows, size_t n, size_t dims, double* out) noexcept {
  for (size_t j = 0; j < n; ++j) out[j] = dot(rows[j], rows[j], dims);
}

void exact_dots_squares(const float* a, const float* const* rows, size_t n, size_t dims, double* out,
                        double* squares) noexcept {
  exact_dots(a, rows, n, dims, out);
  exact_squares(rows, n, dims, squares);
}

void exact_l2sqs(const float* a, const float* const* rows, size_t n, size_t dims, double* out) noexcept {
  for (size_t j = 0; j < n; ++j) out[j] = l2sq(a, rows[j], dims);
}

const ExactKernels scalar_exact = {exact_dots, exact_squares, exact_dots_squares, exact_l2sqs};

float sum8(const float* lane) noexcept {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

void dots(const float* query, const float* const* rows, size_t n, size_t dims, size_t, float* out) noexcept {
  for (size_t j = 0; j < n; ++j) {
    float lane[8] = {};
    for (size_t i = 0; i < dims; ++i) lane[i % 8] += query[i] * rows[j][i];
    out[j] = sum8(lane);
  }
}

void squares_of(const float* const* rows, size_t n, size_t dims, size_t ahead, float* out) noexcept {
  for (size_t j = 0; j < n; ++j) dots(rows[j], rows + j, 1, dims, ahead, out + j);
}

void dots_squares(const float* query, const float* const* rows, size_t n, size_t dims, size_t ahead, float* out,
                  float* squares) noexcept {
  dots(query, rows, n, dims, ahead, out);
  squares_of(rows, n, dims, ahead, squares);
}

void l2sqs(const float* query, const float* const* rows, size_t n, size_t dims, size_t, float* out) noexcept {
  for (size_t j = 0; j < n; ++j) {
    float lane[8] = {};
    for (size_t i = 0; i < dims; ++i) lane[i % 8] += (query[i] - rows[j][i]) * (query[i] - rows[j][i]);
    out[j] = sum8(lane);
  }
}

float l2sq_float(const float* a, const float* b, size_t dims) noexcept {
  float out;
  l2sqs(a, &b, 1, dims, 0, &out);
  return out;
}

constexpr size_t lanes = 4;

template <size_t V>
void tile(const float* packed, const float* const* rows, const float* const*, size_t n, size_t dims,
          float* out) noexcept {
  constexpr size_t width = V * lanes;
  for (size_t j = 0; j < n; ++j)
    for (size_t q = 0; q < width; ++q) {
      float sum = 0;
      for (size_t i = 0; i < dims; ++i) sum += packed[i * width + q] * rows[j][i];
      out[j * width + q] = sum;
    }
}

bool survives(float s, float mul, float add, float tau) noexcept {
  const float upper = s * mul + add;
  return !(upper < tau && upper >= -__FLT_MAX__);
}

uint64_t sift(const float* s, const float* mul, const float* add, float tau) noexcept {
  uint64_t kept = 0;
  for (size_t i = 0; i < block_rows; ++i) kept |= static_cast<uint64_t>(survives(s[i], mul[i], add[i], tau)) << i;
  return kept;
}

size_t sift_tile(const float* s, const float* mul, const float* add, const float* tau, size_t n, size_t width,
                 uint32_t* hits) noexcept {
  size_t found = 0;
  for (size_t j = 0; j < n; ++j)
    for (size_t q = 0; q < width; ++q)
      if (survives(s[j * width + q], mul[j], add[j], tau[q])) hits[found++] = static_cast<uint32_t>(j * width + q);
  return found;
}

bool finite(const float* a, size_t n) noexcept {
  for (size_t i = 0; i < n; ++i)
    if (!(a[i] <= __FLT_MAX__ && a[i] >= -__FLT_MAX__)) return false;
  return true;
}

}  // namespace

const Kernels scalar_kernels = {
    "scalar", &scalar_exact, dots,  dots_squares, l2sqs, squares_of, l2sq_float, lanes, {tile<1>, tile<2>, tile<3>},
    sift,     sift_tile,     finite};

}  // namespace kinspace
