// From rows to what is quantized: normalised (cosine) or scaled to a sane size (l2, ip), rotated where that makes
// better codes, less the mean of all.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "codes/rotation.hpp"
#include "flat/buffer.hpp"
#include "flat/metric.hpp"
#include "flat/rows.hpp"
#include "simd/codes.hpp"

namespace kinspace {

struct Coder {
  Metric metric = Metric::cosine;
  CodeKind kind = CodeKind::sq4;
  std::size_t dims = 0;
  std::size_t lines = 0;    // of a code
  std::size_t padded = 0;   // floats of a prepared row
  std::size_t factors = 0;  // of a neighbour in a record
  float unit = 1;           // rows of l2 and ip are multiplied by it: a power of two
  Rotation rotation;        // of all padded floats
  std::vector<float> mean;  // padded floats; of prepared rows
  static std::size_t pad(std::size_t dims) { return (dims + 127) / 128 * 128; }

  Coder() = default;
  // As the metric and dims want it; unit, mean and whether rows are rotated from a sample of the rows (of n, listed by
  // `at`).
  Coder(Metric metric, std::size_t dims);
  void learn(const Rows& rows, const std::vector<std::uint32_t>& sample);

  // x (padded floats) = the row as it is quantized. False if the row is not finite.
  bool prepare(const float* row, float* x) const;

  bool quantized() const { return kind == CodeKind::sq4 || kind == CodeKind::sq8; }
  bool rotatable() const { return kind == CodeKind::sq4; }  // 8 bits bear components of any size
  // Floats of a prepared row that may be other than 0.
  std::size_t width() const { return rotation ? padded : dims; }
  std::size_t code_bytes() const { return lines * code_line; }
  // Writes the code of x; sets its scale and |x|^2.
  void encode(const float* x, std::uint8_t* code, float* scale, float* norm) const;

 private:
  float level(const std::uint8_t* code, std::size_t d) const;  // what a code has for x[d], but for the scale
  // Whether the codes of such rows leave much less over when they are rotated.
  bool better_rotated(const Rows& rows, const std::vector<std::uint32_t>& sample) const;
  // A code with the scale that leaves least of x over is shorter than x, and the more so the worse it is: its row would
  // seem farther than it is. This one is as near to x as x is (Gao and Long, RaBitQ, arXiv:2405.12497).
  float fair_scale(const float* x, const std::uint8_t* code, float scale) const;
};

inline std::uint16_t upper_half(float x) {  // to bfloat16, nearest
  std::uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// A query as a search of a graph needs it; owns what hop.query points to.
class CodeQuery {
 public:
  explicit CodeQuery(const Coder& coder);
  // From a raw query.
  void raw(const Coder& coder, const float* query, double squares, Hop& hop);
  // From a prepared row, searched for by l2 whatever the metric is.
  void row(const Coder& coder, const float* x, Hop& hop);

  // The hop's distance that a row at this exact distance would have, but for what the codes lose. For `raw`.
  float coded(const Coder& coder, double distance) const;
  float length = 0;  // what errors of the codes are multiplied by: |q| as prepared

 private:
  void set(const Coder& coder, const float* x, float factor, float norm_weight, Hop& hop);
  Buffer<float> x_;
  Buffer<std::int8_t> q_;
  std::vector<float> zero_;
  double squares_ = 0;  // |q|^2 as prepared (l2), and raw (ip)
  float mean_ = 0;      // the dot with the mean (cosine, ip)
};

}  // namespace kinspace
