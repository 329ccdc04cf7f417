// What "near" means, and how distances are made from the exact sums.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "simd/kernels.hpp"

namespace kinspace {

enum class Metric : std::uint8_t { cosine, l2, ip, hamming, jaccard };

constexpr bool over_bits(Metric metric) { return metric == Metric::hamming || metric == Metric::jaccard; }

// 1 - dot / sqrt(ss_a ss_b), in [0, 2]; 1 when either vector is all zeros. sqrt(s * s) == s, so a == b gives 0.
inline double cosine_distance(double dot, double ss_a, double ss_b) {
  if (!std::isfinite(dot) || !std::isfinite(ss_b)) return std::numeric_limits<double>::quiet_NaN();
  if (ss_a == 0.0 || ss_b == 0.0) return 1.0;
  const double distance = 1.0 - dot / std::sqrt(ss_a * ss_b);
  return distance < 0.0 ? 0.0 : distance > 2.0 ? 2.0 : distance;
}

inline double squares(const ExactKernels& exact, const float* a, std::size_t dims) {
  double sum;
  exact.squares(&a, 1, dims, &sum);
  return sum;
}

// The distances that are reported and ranked by, of so many rows to a query whose sum of squares is known (for cosine).
// A row that is not finite gives NaN or infinity, any other never does. ip is -dot, and never -0.0.
inline void exact_distances(const ExactKernels& exact, Metric metric, const float* query, double query_squares,
                            const float* const* rows, std::size_t n, std::size_t dims, double* out) {
  if (metric == Metric::l2) {
    exact.l2sqs(query, rows, n, dims, out);
    for (std::size_t i = 0; i < n; ++i) out[i] = std::sqrt(out[i]);
  } else if (metric == Metric::ip) {
    exact.dots(query, rows, n, dims, out);
    for (std::size_t i = 0; i < n; ++i) out[i] = 0.0 - out[i];
  } else {
    constexpr std::size_t step = 16;
    double sums[step];
    for (std::size_t j = 0; j < n; j += step) {
      const std::size_t count = n - j < step ? n - j : step;
      exact.dots_squares(query, rows + j, count, dims, out + j, sums);
      for (std::size_t i = 0; i < count; ++i) out[j + i] = cosine_distance(out[j + i], query_squares, sums[i]);
    }
  }
}

}  // namespace kinspace
