// Preparing rows and queries.
#include "codes/coder.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/dispatch.hpp"

namespace kinspace {
namespace {

constexpr std::size_t few_dims = 32;    // floats: a code of two cache lines at most
constexpr std::size_t many_dims = 128;  // from here on 4 bits a dimension
constexpr double most_norm = 1e38;      // is finite as a bfloat16
constexpr float most_of_query = 1e30f;  // farther than this the norms of rows are nothing

double sum_of_squares(const float* x, std::size_t n) {
  double sum;
  exact().squares(&x, 1, n, &sum);
  return sum;
}

// x = row * factor, by way of double where the factor is no float to speak of; no more than squares bear.
void multiply(const float* row, double factor, std::size_t n, float* x) {
  constexpr float most = 1e15f;
  if (factor > 1e30 || factor < 1e-30) {
    for (std::size_t d = 0; d < n; ++d)
      x[d] = static_cast<float>(std::clamp<double>(static_cast<double>(row[d]) * factor, -most, most));
  } else {
    const auto f = static_cast<float>(factor);
    for (std::size_t d = 0; d < n; ++d) x[d] = std::clamp(row[d] * f, -most, most);
  }
}

}  // namespace

Coder::Coder(Metric m, std::size_t d) : metric(m), dims(d), padded(pad(d)), mean(padded, 0.0f) {
  if (dims <= few_dims) {
    kind = metric == Metric::ip ? CodeKind::dot : CodeKind::l2;
    lines = (dims + 15) / 16;
  } else if (dims < many_dims) {
    kind = CodeKind::sq8;
    lines = (dims + 63) / 64;
  } else {
    kind = CodeKind::sq4;
    lines = padded / 128;
  }
  factors = !quantized() ? 0 : metric == Metric::cosine ? 1 : 2;
}

void Coder::learn(const Rows& rows, const std::vector<std::uint32_t>& sample) {
  const Room room(rows, 1);
  if (metric != Metric::cosine) {
    double greatest = 0;
    for (const std::uint32_t i : sample) greatest = std::max(greatest, sum_of_squares(rows.row(i, room.at(0)), dims));
    if (std::isfinite(greatest) && greatest > 0)
      unit = std::ldexp(1.0f, std::clamp(-std::ilogb(std::sqrt(greatest)), -120, 120));
  }
  std::fill(mean.begin(), mean.end(), 0.0f);
  rotation = {};
  if (!quantized() || sample.empty()) return;
  std::vector<double> sum(dims, 0.0);
  Buffer<float> x(padded);
  std::size_t count = 0;
  for (const std::uint32_t i : sample) {
    if (!prepare(rows.row(i, room.at(0)), x.data())) continue;
    ++count;
    for (std::size_t d = 0; d < dims; ++d) sum[d] += static_cast<double>(x[d]);
  }
  for (std::size_t d = 0; d < dims; ++d) {
    const double m = sum[d] / static_cast<double>(count);
    mean[d] = std::isfinite(m) ? static_cast<float>(m) : 0.0f;
  }
  if (!rotatable() || !better_rotated(rows, sample)) return;
  rotation = Rotation(padded);
  rotation.rotate(mean.data());
}

bool Coder::better_rotated(const Rows& rows, const std::vector<std::uint32_t>& sample) const {
  constexpr std::size_t most_rows = 512;
  constexpr double much_less = 0.6;
  const Room room(rows, 1);
  const Rotation tried(padded);
  Buffer<float> x(padded);
  std::vector<std::uint8_t> code(code_bytes());
  const auto left_over = [&](std::size_t floats) {
    float scale;
    code_kernels().encode4(x.data(), lines, code.data(), &scale);
    double sum = 0;
    for (std::size_t d = 0; d < floats; ++d) {
      const double gap = static_cast<double>(x[d] - scale * level(code.data(), d));
      sum += gap * gap;
    }
    return sum;
  };
  double as_is = 0, rotated = 0;
  for (std::size_t i = 0; i < std::min(sample.size(), most_rows); ++i) {
    if (!prepare(rows.row(sample[i], room.at(0)), x.data())) continue;
    as_is += left_over(dims);
    tried.rotate(x.data());
    rotated += left_over(padded);
  }
  return rotated < much_less * as_is;
}

bool Coder::prepare(const float* row, float* x) const {
  double factor = static_cast<double>(unit);
  if (metric == Metric::cosine) {
    const double squares = sum_of_squares(row, dims);
    if (!std::isfinite(squares)) return false;
    factor = squares > 0 ? 1.0 / std::sqrt(squares) : 0.0;
  } else if (!kernels().finite(row, dims)) {
    return false;
  }
  multiply(row, factor, dims, x);
  std::fill(x + dims, x + padded, 0.0f);
  if (rotation) rotation.rotate(x);
  for (std::size_t d = 0; d < width(); ++d) x[d] -= mean[d];
  return true;
}

float Coder::level(const std::uint8_t* code, std::size_t d) const {
  const int byte = kind == CodeKind::sq4 ? code[d / 128 * 64 + d % 64] : code[d];
  return static_cast<float>(kind == CodeKind::sq8 ? byte - 128 : 2 * (d % 128 < 64 ? byte & 15 : byte >> 4) - 15);
}

float Coder::fair_scale(const float* x, const std::uint8_t* code, float scale) const {
  double squares = 0, coded = 0, raw = 0, raw_coded = 0;
  for (std::size_t d = 0; d < width(); ++d) {
    const double one = static_cast<double>(x[d]), stands = static_cast<double>(level(code, d));
    squares += one * one;
    coded += one * stands;
    raw += (one + static_cast<double>(mean[d])) * one;
    raw_coded += (one + static_cast<double>(mean[d])) * stands;
  }
  const double least = static_cast<double>(scale), fair = squares / coded;
  if (!(fair > 0.5 * least && fair < 4 * least)) return scale;
  const double as_asked = raw / raw_coded;  // with the mean, as queries are; noise where rows are nearly the mean
  const bool better = metric != Metric::l2 && as_asked > 0.8 * fair && as_asked < 1.25 * fair;
  return static_cast<float>(better ? as_asked : fair);
}

void Coder::encode(const float* x, std::uint8_t* code, float* scale, float* norm) const {
  *norm = static_cast<float>(std::min(sum_of_squares(x, padded), most_norm));
  *scale = 1;
  if (kind == CodeKind::sq4) {
    code_kernels().encode4(x, lines, code, scale);
  } else if (kind == CodeKind::sq8) {
    code_kernels().encode8(x, lines, code, scale);
  } else {
    std::copy_n(x, lines * 16, reinterpret_cast<float*>(code));
  }
  if (quantized()) *scale = fair_scale(x, code, *scale);
}

CodeQuery::CodeQuery(const Coder& coder) : x_(coder.padded), q_(coder.padded), zero_(coder.padded, 0.0f) {}

void CodeQuery::raw(const Coder& coder, const float* query, double squares, Hop& hop) {
  float* x = x_.data();
  std::fill(x + coder.dims, x + coder.padded, 0.0f);
  const bool l2 = coder.metric == Metric::l2;
  const double factor = l2                                      ? static_cast<double>(coder.unit)
                        : squares > 0 && std::isfinite(squares) ? 1.0 / std::sqrt(squares)
                                                                : 0.0;
  multiply(query, factor, coder.dims, x);
  if (coder.rotation) coder.rotation.rotate(x);
  if (l2)
    for (std::size_t d = 0; d < coder.width(); ++d) x[d] -= coder.mean[d];
  set(coder, x, l2 ? 2.0f : 1.0f, l2 ? 1.0f : 0.0f, hop);
  hop.kind = coder.kind;
  if (!coder.quantized()) return;
  squares_ = l2 ? static_cast<double>(kernels().l2sq(x, zero_.data(), coder.padded)) : squares;
  const float own = factor > 0 ? 1.0f : 0.0f, of_mean = kernels().l2sq(coder.mean.data(), zero_.data(), coder.padded);
  mean_ = l2 ? 0.0f : 0.5f * (own + of_mean - kernels().l2sq(x, coder.mean.data(), coder.padded));
  length = l2 ? static_cast<float>(std::sqrt(squares_)) : 1.0f;
}

float CodeQuery::coded(const Coder& coder, double distance) const {
  if (coder.metric == Metric::cosine) return static_cast<float>(distance - 1.0) + mean_;
  const double unit = static_cast<double>(coder.unit);
  if (coder.metric == Metric::l2) return static_cast<float>(distance * unit * distance * unit - squares_);
  return squares_ > 0 ? static_cast<float>(distance * unit / std::sqrt(squares_)) + mean_ : 0.0f;
}

void CodeQuery::row(const Coder& coder, const float* x, Hop& hop) {
  hop.kind = coder.kind == CodeKind::dot ? CodeKind::l2 : coder.kind;
  if (coder.metric != Metric::cosine) return set(coder, x, 2.0f, 1.0f, hop);
  for (std::size_t d = 0; d < coder.padded; ++d) x_[d] = x[d] + coder.mean[d];
  set(coder, x_.data(), 1.0f, 0.0f, hop);
}

void CodeQuery::set(const Coder& coder, const float* x, float factor, float norm_weight, Hop& hop) {
  hop.norm_weight = norm_weight;
  hop.factors = coder.factors;
  hop.lines = coder.lines;
  hop.query = x;
  if (!coder.quantized()) return;
  const CodeKernels& kernel = code_kernels();
  const std::size_t n = coder.lines * (coder.kind == CodeKind::sq4 ? 128 : 64);
  const float greatest = kernel.greatest(x, n);
  const bool some = greatest > 1e-30f && std::isfinite(greatest);
  const auto sum = static_cast<float>(kernel.quantize(x, some ? 127.0f / greatest : 0.0f, n, q_.data()));
  const float step = some ? factor * std::min(greatest, most_of_query) / 127.0f : 0.0f;
  hop.query = q_.data();
  hop.slope = coder.kind == CodeKind::sq4 ? 2.0f * step : step;
  hop.offset = coder.kind == CodeKind::sq4 ? -15.0f * step * sum : -128.0f * step * sum;
}

}  // namespace kinspace
