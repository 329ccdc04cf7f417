// Queries as a plane's codes are compared with, and what their bounds are made of.
//
// q is the query over its norm (cosine, ip), or less the plane's mean (l2); q' = step * c its code, delta = |q - q'|.
// For a row r = r' + e, |e| <= error, and any rounding u = 2^-24 of a float:
//   <q, r> = <q', r'> + <q - q', r'> + <q, e>, and |r'| <= norm + error, so that
//   |<q, r> - step * scale * sum| <= delta (norm + error) + |q| error.
// Evaluated in float that is off by less than 16 u times the sizes of its terms, each of which is at most
// (|q| + delta)(norm + error) or |base|; the factors below are that much greater. Then the nearness of the row is
//   cosine  (<q, mean> + <q, r>) * stretch      ip  <q, mean> + <q, r>      l2  2 <q, r> - norm^2 - |q|^2
// norm and stretch are floats nearest to what they stand for: 2 u of norm^2, u of the product.
//
// Rows are ranked by distances in double, which are rounded too: rows that differ may tie. Sums of dims <= 65,536
// products in double, here and in the exact kernels, are off by less than v = 2^-35 of the sizes of their vectors: of
// cosine and ip that is v |x| (times stretch) <= v (norm + |mean|). few u norm has the one, v |mean| is added. Of l2 it
// is relative, v (norm^2 + |q|^2). q and r themselves are off by 2^-52 of what they are, and of the row (cosine).
//
// With a rotation R the query is rotated in float, which is off by `turned` at most, and <Rq, Rx> is not <q, x> but
// within |q||x| defect, |x| <= norm + error + |mean|; |Rq - Rx|^2 is within defect |q - x|^2 <= 2 defect (|q|^2 +
// |x|^2). What is long is that after R, hence defect / (1 - defect). Rx is rounded to floats, so that the norm is off
// by u |Rx| <= u (|Rq| + |q| + norm), q being less the mean: turned >= 36 u |Rq| and the few u of the others cover it.
#pragma once
#include <cstdint>
#include <vector>

#include "codes/plane.hpp"
#include "flat/queries.hpp"
#include "simd/plane.hpp"

namespace kinspace {

class PlaneQueries {
 public:
  PlaneQueries(const Plane& plane, const Queries& queries);

  const Plane& plane;
  std::size_t lines;   // of a block, that hold the dims
  std::size_t padded;  // of a row's 8-bit code

  const std::int8_t* code4(std::size_t q) const { return code4_.data() + q * stride_; }
  const std::int16_t* code8(std::size_t q) const { return code8_.data() + q * stride_; }
  const float* stretch(std::size_t row) const { return plane.stretch == nullptr ? constant_ : plane.stretch + row; }

  // The sieves for rows that may reach tau: by the sums of 4-bit codes, and of 8-bit ones.
  Sieve sieve4(std::size_t q, float tau) const;
  Sieve sieve8(std::size_t q, float tau) const;
  // Bounds of a row's nearness by the sum of its 8-bit code.
  void bounds(std::size_t q, std::size_t row, std::int32_t sum, float& lower, float& upper) const;

 private:
  struct One {
    std::int32_t offset;
    float step4, step8;
    double of_error4, of_norm4, of_error8, of_norm8;
    double base, base_slack;
    double squares, squares_slack;  // |q|^2 of l2
  };
  Sieve sieve(std::size_t q, float tau) const;
  double rotate(const Queries& queries, const float* query, double factor, double* x) const;
  void prepare(std::size_t q, const double* x, double base, double turned, double length);

  Metric metric_;
  double mean_ = 0;      // |mean|
  double defect_ = 0;    // of lengths after the rotation
  double square_error_;  // relative, of norm^2
  std::size_t stride_;
  Buffer<std::int8_t> code4_;
  Buffer<std::int16_t> code8_;
  std::vector<One> ones_;
  alignas(64) float constant_[plane_rows];
};

}  // namespace kinspace
