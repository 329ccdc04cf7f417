// How far a float sum can be from the exact one: what makes pruning a proof.
//
// u = 2^-24, g(m) = m u / (1 - m u) bounds m roundings in a row (Higham, Accuracy and Stability, ch. 3).
// A sum over `lanes` >= 8 partial sums takes at most dims / 8 + 4 roundings a term, a sequential one dims + 1; both
// get a margin of 12 and more. q' is the query over its norm, rounded to float: |q'| <= 1 + 2u.
//   dot      |s - q'.x| <= g(m) |q'||x|, and rounding q' adds u |x|; products that underflow add dims 2^-149, which
//            is nothing beside |x| >= 1e-15 (rows with other norms are never pruned).        => dot |x|
//   norm     rounded from double (u) or the root of a float sum (g / 2 + 2u).                => norm |x|
//   cosine   dot + norm, and a few u for the reciprocal, the product and the comparison.
//   l2       a sum of squared differences has no cancellation: relative g(m + 3), and dims 2^-149 for underflow.
//   l2 tile  |x|^2 - 2 q.x cancels: 2 g |q||x| + (2 norm) |x|^2 <= g |q|^2 + (g + 2 norm) |x|^2; only to prune with.
// The exact distances are ranked as rounded in double (1e-11 at most): that too is inside the 16u everywhere.
#pragma once
#include <cmath>
#include <cstddef>
#include <limits>

namespace kinspace {

struct Bounds {
  double dot;       // |s - exact| <= dot * (computed norm of the row)
  double cosine;    // |s / norm - exact cosine|
  double l2;        // relative, of the squared distance
  double l2_tiny;   // absolute, of the squared distance
  double l2_query;  // tile: times |q|^2
  double l2_row;    // tile: times |x|^2

  Bounds(std::size_t dims, bool tile) {
    constexpr double u = 0x1p-24;
    const auto g = [](double m) { return m * u / (1.0 - m * u); };
    const double d = static_cast<double>(dims), in_lanes = g(d / 8 + 24), sum = tile ? g(d + 16) : in_lanes;
    dot = 1.01 * sum + 16 * u;
    cosine = sum + in_lanes + 16 * u;
    l2 = 1.01 * in_lanes + 16 * u;
    l2_tiny = d * 0x1p-148;
    l2_query = sum + 16 * u;
    l2_row = sum + 2 * in_lanes + 24 * u;
  }
};

constexpr float least_norm = 1e-15f, most_norm = 1e18f;  // outside, and not 0: the norm counts as NaN

constexpr double most_float = std::numeric_limits<float>::max();

// The largest float that is not above x.
inline float float_below(double x) {
  if (x >= most_float) return static_cast<float>(most_float);
  if (x < -most_float) return -HUGE_VALF;
  const float f = static_cast<float>(x);
  return static_cast<double>(f) > x ? std::nextafter(f, -HUGE_VALF) : f;
}

}  // namespace kinspace
