// What "near" means, and how a distance is made from the exact sums.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "simd/kernels.hpp"

namespace kinspace {

enum class Metric : std::uint8_t { cosine, l2, ip };

// 1 - dot / sqrt(ss_a ss_b), in [0, 2]; 1 when either vector is all zeros. sqrt(s * s) == s, so a == b gives 0.
inline double cosine_distance(double dot, double ss_a, double ss_b) {
  if (ss_a == 0.0 || ss_b == 0.0) return 1.0;
  const double distance = 1.0 - dot / std::sqrt(ss_a * ss_b);
  return distance < 0.0 ? 0.0 : distance > 2.0 ? 2.0 : distance;
}

// The distance that is reported and ranked by. A row that is not finite gives NaN or infinity, any other never does.
inline double exact_distance(const ExactKernels& exact, Metric metric, const float* query, double query_squares,
                             const float* row, std::size_t dims) {
  if (metric == Metric::l2) return std::sqrt(exact.l2sq(query, row, dims));
  if (metric == Metric::ip) return 0.0 - exact.dot(query, row, dims);  // never -0.0
  double sums[2];
  exact.dot_squares(query, row, dims, sums);
  if (!std::isfinite(sums[0]) || !std::isfinite(sums[1])) return std::numeric_limits<double>::quiet_NaN();
  return cosine_distance(sums[0], query_squares, sums[1]);
}

}  // namespace kinspace
