// What "near" means, and how a distance is made from the exact sums.
#pragma once
#include <cmath>
#include <cstdint>

namespace kinspace {

enum class Metric : std::uint8_t { cosine, l2, ip };

// 1 - dot / sqrt(ss_a ss_b), in [0, 2]; 1 when either vector is all zeros. sqrt(s * s) == s, so a == b gives 0.
inline double cosine_distance(double dot, double ss_a, double ss_b) {
  if (ss_a == 0.0 || ss_b == 0.0) return 1.0;
  const double distance = 1.0 - dot / std::sqrt(ss_a * ss_b);
  return distance < 0.0 ? 0.0 : distance > 2.0 ? 2.0 : distance;
}

inline double ip_distance(double dot) { return 0.0 - dot; }  // never -0.0

}  // namespace kinspace
