// Quantizing queries, and bounds.
#include "flat/plane_queries.hpp"

#include <algorithm>
#include <cmath>

#include "flat/bounds.hpp"
#include "simd/codes.hpp"

namespace kinspace {
namespace {

constexpr double u = 0x1p-24;
constexpr double few = 16 * u;
constexpr double tiny = 0x1p-110;      // products that underflow
constexpr double in_double = 0x1p-35;  // sums of 65,536 in double, one after another, and the exact kernels' own

float rounded_up(double x) { return -float_below(-x); }
double nearest(double x) { return (x + 0x1.8p52) - 0x1.8p52; }  // whole number; |x| < 2^51

}  // namespace

PlaneQueries::PlaneQueries(const Plane& p, const Queries& queries)
    : plane(p),
      lines((p.dims + plane_dims - 1) / plane_dims),
      padded((p.dims + plane_pad - 1) / plane_pad * plane_pad),
      metric_(queries.metric),
      stride_(padded),
      code4_(queries.m * padded),
      code8_(queries.m * padded),
      ones_(queries.m) {
  std::fill_n(constant_, plane_rows, metric_ == Metric::l2 ? 2.0f : 1.0f);
  const std::size_t dims = p.compared();
  mean_ = std::sqrt(kinspace::squares(*queries.kernels.exact, p.mean, dims));
  const double defect = static_cast<double>(p.defect);
  defect_ = defect < 0.5 ? defect / (1 - defect) : HUGE_VAL;
  square_error_ = few + 2 * defect_;
  std::vector<double> x(dims);
  for (std::size_t q = 0; q < queries.m; ++q) {
    const float* query = queries.query(q);
    const double squared = queries.squares[q];
    const double factor = metric_ == Metric::l2 ? 1.0 : squared > 0.0 ? 1.0 / std::sqrt(squared) : 0.0;
    double turned = 0, base = 0;
    if (p.rotation == nullptr) {
      for (std::size_t d = 0; d < dims; ++d) x[d] = query[d] * factor;
    } else {
      turned = rotate(queries, query, factor, x.data());
    }
    for (std::size_t d = 0; d < dims; ++d) {
      const double middle = static_cast<double>(p.mean[d]);
      if (metric_ == Metric::l2) {
        x[d] -= middle;
      } else {
        base += x[d] * middle;
      }
    }
    prepare(q, x.data(), base, turned, std::sqrt(squared) * factor);
  }
}

// x = rotation * query * factor, in float; returns what it is off by at most: anything, if it leaves the floats.
double PlaneQueries::rotate(const Queries& queries, const float* query, double factor, double* x) const {
  const std::size_t width = plane.width;
  std::vector<float> scaled(width);
  for (std::size_t d = 0; d < width; ++d) scaled[d] = static_cast<float>(query[d] * factor);
  constexpr std::size_t together = 64;
  const float* rows[together + lookahead];
  for (std::size_t d = 0; d < width; d += together) {
    const std::size_t n = std::min(together, width - d);
    for (std::size_t i = 0; i < n + lookahead; ++i) rows[i] = plane.rotation + std::min(d + i, width - 1) * width;
    float sums[together];
    queries.kernels.dots(scaled.data(), rows, n, width, 0, sums);
    for (std::size_t i = 0; i < n; ++i) x[d + i] = static_cast<double>(sums[i]);
  }
  if (!std::all_of(x, x + width, [](double one) { return std::isfinite(one); })) {
    std::fill_n(x, width, 0.0);
    return HUGE_VAL;
  }
  const double length = std::sqrt(kinspace::squares(*queries.kernels.exact, scaled.data(), width));
  const Bounds bounds(width, false);  // each row of the rotation has length 1, but for its defect
  return 2 * length * (bounds.dot * std::sqrt(static_cast<double>(width)) + 2 * u);
}

void PlaneQueries::prepare(std::size_t q, const double* x, double base, double turned, double length) {
  One& one = ones_[q];
  const std::size_t dims = plane.dims;
  double greatest = 0, squares = 0;
  for (std::size_t d = 0; d < dims; ++d) greatest = std::max(greatest, std::abs(x[d]));
  for (std::size_t d = 0; d < plane.compared(); ++d) squares += x[d] * x[d];
  // As many levels as leave the sum of dims products with 128, and twice that, in an int32.
  const double levels8 = std::floor(std::min(4095.0, 1073741823.0 / (128.0 * static_cast<double>(dims))));
  const bool some = greatest > 1e-30;
  one.step4 = some ? static_cast<float>(greatest / 127.0) : 0.0f;
  one.step8 = some ? static_cast<float>(greatest / levels8) : 0.0f;
  std::int8_t* c4 = code4_.data() + q * stride_;
  std::int16_t* c8 = code8_.data() + q * stride_;
  std::fill(c4 + dims, c4 + stride_, std::int8_t{0});
  std::fill(c8 + dims, c8 + stride_, std::int16_t{0});
  std::int32_t sum = 0;
  double lost4 = 0, lost8 = 0;
  const double step4 = static_cast<double>(one.step4), step8 = static_cast<double>(one.step8);
  const double per4 = some ? 1.0 / step4 : 0.0, per8 = some ? 1.0 / step8 : 0.0;
  for (std::size_t d = 0; d < dims; ++d) {
    const double a = nearest(x[d] * per4), b = nearest(x[d] * per8);
    const auto i = static_cast<std::int32_t>(a);
    c4[d] = static_cast<std::int8_t>(i);
    c8[d] = static_cast<std::int16_t>(static_cast<std::int32_t>(b));
    sum += i;
    lost4 += (x[d] - step4 * a) * (x[d] - step4 * a);
    lost8 += (x[d] - step8 * b) * (x[d] - step8 * b);
  }
  one.offset = 15 * sum;
  const double size = std::sqrt(squares) * (1 + in_double);
  const double apart = turned + defect_ * length;
  const auto of_norm = [size, apart](double lost) {
    const double delta = std::sqrt(lost) * (1 + in_double) + apart;
    return delta * (1 + few) + few * (size + delta);
  };
  one.of_norm4 = of_norm(lost4);
  one.of_norm8 = of_norm(lost8);
  one.of_error4 = size * (1 + few) + one.of_norm4;
  one.of_error8 = size * (1 + few) + one.of_norm8;
  one.base = base;
  one.base_slack =
      few * std::abs(base) + apart * mean_ + tiny + (metric_ == Metric::l2 ? 0.0 : in_double * size * mean_);
  one.squares = squares;
  one.squares_slack = squares * (in_double + 2 * defect_) + (2 * size + turned) * turned;
}

Sieve PlaneQueries::sieve4(std::size_t q, float tau) const {
  const One& one = ones_[q];
  Sieve made = sieve(q, tau);
  made.offset = one.offset;
  made.step = one.step4;
  made.of_error = rounded_up(one.of_error4);
  made.of_norm = rounded_up(one.of_norm4);
  return made;
}

Sieve PlaneQueries::sieve8(std::size_t q, float tau) const {
  const One& one = ones_[q];
  Sieve made = sieve(q, tau);
  made.step = one.step8 / 2;  // of twice the sum
  made.of_error = rounded_up(one.of_error8);
  made.of_norm = rounded_up(one.of_norm8);
  return made;
}

Sieve PlaneQueries::sieve(std::size_t q, float tau) const {
  const One& one = ones_[q];
  const double lowest = tau;
  return {0,
          0,
          0,
          0,
          rounded_up(one.base + one.base_slack),
          metric_ == Metric::l2 ? float_below(1 - square_error_) : 0.0f,
          metric_ == Metric::l2   ? float_below(lowest + one.squares - one.squares_slack)
          : metric_ == Metric::ip ? tau
                                  : float_below(lowest - few)};
}

void PlaneQueries::bounds(std::size_t q, std::size_t row, std::int32_t sum, float& lower, float& upper) const {
  const One& one = ones_[q];
  const double norm = static_cast<double>(plane.norm[row]), error = static_cast<double>(plane.error8[row]);
  const double dot = static_cast<double>(plane.scale8[row]) * static_cast<double>(one.step8) * sum;
  const double slack = plane.sketch ? 0.0 : error * one.of_error8 + norm * one.of_norm8 + one.base_slack;
  double low, high;
  if (metric_ == Metric::l2) {
    const double squared = norm * norm;
    low = 2 * (dot - slack) - squared * (1 + square_error_) - one.squares - one.squares_slack;
    high = 2 * (dot + slack) - squared * (1 - square_error_) - one.squares + one.squares_slack;
  } else {
    const double stretch = plane.stretch == nullptr ? 1.0 : static_cast<double>(plane.stretch[row]);
    low = (one.base + dot - slack) * stretch;
    high = (one.base + dot + slack) * stretch;
    low -= few * std::abs(low);
    high += few * std::abs(high);
  }
  if (plane.sketch) low = high;    // near enough to rank by
  const bool known = low <= high;  // not NaN
  lower = known ? float_below(low) : -HUGE_VALF;
  upper = known ? rounded_up(high) : HUGE_VALF;
}

}  // namespace kinspace
