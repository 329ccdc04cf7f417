// From rows to the codes, errors and norms of a plane.
#include <algorithm>
#include <cmath>

#include "codes/coder.hpp"
#include "codes/plane.hpp"
#include "flat/bounds.hpp"
#include "flat/errors.hpp"
#include "simd/dispatch.hpp"
#include "simd/plane.hpp"

namespace kinspace {
namespace {

constexpr std::size_t item_rows = 256;  // whole blocks
constexpr double up = 1.0 + 1e-9;       // covers every rounding of a sum in double and of its root

float rounded_up(double x) { return -float_below(-x * up); }

// whole / part; 1 for no part at all, which has cosine 0, and NaN for one too small to say.
float stretch_of(double whole, double part) {
  return part == 0.0 ? 1.0f : part > whole * 1e-15 ? static_cast<float>(whole / part) : NAN;
}

// Sums of 8 lanes, so that a compiler adds them side by side.
struct Sum {
  double lane[8] = {};
  double total() const {
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
  }
};

class Encoder {
 public:
  explicit Encoder(const PlaneArrays& to)
      : to_(to),
        padded_((to.width + 127) / 128 * 128),
        row_(padded_),
        x_(padded_),
        level4_(padded_),
        level8_(padded_),
        code4_(padded_ / 2),
        code8_(padded_),
        near_(std::sqrt(squares(exact(), to.mean, to.width)) <= double{most_norm}) {
    std::fill_n(x_.data(), padded_, 0.0f);
    std::fill_n(row_.data(), padded_, 0.0);
  }

  bool encode(const float* row, std::size_t at) {
    const std::size_t width = to_.width;
    const double squared = squares(exact(), row, width), size = std::sqrt(squared);
    if (!std::isfinite(size) || !kernels().finite(row, width)) return false;
    const bool known = near_ && (size == 0.0 || (size >= double{least_norm} && size <= double{most_norm}));
    const double factor = to_.metric != Metric::cosine || to_.prepared ? 1.0 : size > 0.0 ? 1.0 / size : 0.0;
    for (std::size_t d = 0; d < width; ++d) row_[d] = row[d] * factor - static_cast<double>(to_.mean[d]);
    for (std::size_t d = 0; d < width; ++d) x_[d] = known ? static_cast<float>(row_[d]) : 0.0f;
    float scale4 = 0, scale8 = 0;
    code_kernels().encode4(x_.data(), padded_ / 128, code4_.data(), &scale4);
    code_kernels().encode8(x_.data(), padded_ / 64, code8_.data(), &scale8);
    to_.scale4[at] = scale4;
    to_.scale8[at] = scale8;
    for (std::size_t d = 0; d < padded_; ++d) {
      const int byte = code4_[d / 128 * 64 + d % 64], nibble = d % 128 < 64 ? byte & 15 : byte >> 4;
      level4_[d] = static_cast<std::int8_t>(2 * nibble - 15);
      level8_[d] = static_cast<std::int8_t>(static_cast<int>(code8_[d]) - 128);
    }
    put(at);
    measure(row, factor, static_cast<double>(scale4), static_cast<double>(scale8), to_.prepared ? 0x1p-22 * size : 0.0,
            known, at);
    return true;
  }

 private:
  // The codes to their places. Other rows of the block keep theirs.
  void put(std::size_t at) const {
    std::uint8_t* to = to_.codes4 + at / plane_rows * plane_block_bytes(to_.width) + at % plane_rows * 4;
    for (std::size_t d = 0; d < to_.width; d += plane_dims, to += plane_line)
      for (std::size_t t = 0; t < 4; ++t)
        to[t] = static_cast<std::uint8_t>((level4_[d + t] + 15) / 2 | (level4_[d + 4 + t] + 15) / 2 << 4);
    const std::size_t bytes = plane_row_bytes(to_.width);
    std::copy_n(level8_.data(), bytes, to_.codes8 + at * bytes);
  }

  void measure(const float* row, double factor, double scale4, double scale8, double more, bool known,
               std::size_t at) const {
    Sum lost4, lost8, norm, share;
    std::size_t d = 0;
    for (std::size_t l = 0; l < to_.lengths.size(); ++l) {
      for (; d < to_.lengths[l]; d += 8) {
        const std::size_t count = std::min<std::size_t>(8, to_.lengths[l] - d);
        for (std::size_t i = 0; i < count; ++i) {
          const double x = row_[d + i], e4 = x - scale4 * level4_[d + i], e8 = x - scale8 * level8_[d + i];
          lost4.lane[i] += e4 * e4;
          lost8.lane[i] += e8 * e8;
          norm.lane[i] += x * x;
          share.lane[i] += row[d + i] * factor * (row[d + i] * factor);
        }
      }
      d = to_.lengths[l];
      const std::size_t place = l * to_.room + at;
      to_.error4[place] = known ? rounded_up(std::sqrt(lost4.total()) + more) : HUGE_VALF;
      to_.error8[place] = known ? rounded_up(std::sqrt(lost8.total()) + more) : HUGE_VALF;
      to_.norm[place] = known ? static_cast<float>(std::sqrt(norm.total())) : 0.0f;
      if (to_.stretch == nullptr) continue;
      to_.stretch[place] = d < to_.width ? stretch_of(1.0, std::sqrt(share.total())) : 1.0f;
    }
  }

  const PlaneArrays& to_;
  std::size_t padded_;
  Buffer<double> row_;
  Buffer<float> x_;
  Buffer<std::int8_t> level4_, level8_;
  Buffer<std::uint8_t> code4_, code8_;
  bool near_;  // the mean to the origin, so that |r|^2 of what is known is a float
};

}  // namespace

void encode_rows(const PlaneArrays& to, const Rows& rows, std::size_t first, std::size_t threads, Poll poll) {
  const std::size_t before = first % item_rows, items = (before + rows.n + item_rows - 1) / item_rows;
  const double work = 50.0 * static_cast<double>(rows.n * to.width);
  for_items(items, std::min(threads_for(threads, work), items), poll, [&](std::size_t, std::size_t item) {
    Encoder encoder(to);
    const Room room(rows, 1);
    const std::size_t start = item * item_rows < before ? 0 : item * item_rows - before;
    const std::size_t end = std::min(rows.n, (item + 1) * item_rows - before);
    for (std::size_t i = start; i < end; ++i)
      if (!encoder.encode(rows.row(i, room.at(0)), first + i)) throw NotFinite(static_cast<std::int64_t>(i));
    return true;
  });
}

void prefix_factors(Metric metric, const float* mean, const Rows& rows, std::size_t dims, std::size_t threads,
                    Poll poll, float* out) {
  const std::size_t items = (rows.n + item_rows - 1) / item_rows;
  const double work = 4.0 * static_cast<double>(rows.n * rows.dims);
  for_items(items, std::min(threads_for(threads, work), items), poll, [&](std::size_t, std::size_t item) {
    const Room room(rows, 1);
    for (std::size_t i = item * item_rows; i < std::min(rows.n, (item + 1) * item_rows); ++i) {
      const float* row = rows.row(i, room.at(0));
      Sum sum;
      for (std::size_t d = 0; d < dims; ++d) {
        const double x = metric == Metric::l2 ? static_cast<double>(row[d]) - static_cast<double>(mean[d])
                                              : static_cast<double>(row[d]);
        sum.lane[d % 8] += x * x;
      }
      const double part = std::sqrt(sum.total());
      if (metric == Metric::l2) {
        out[i] = static_cast<float>(std::min(part, most_float));  // as it is, of rows that something is known of
      } else {
        out[i] = stretch_of(std::sqrt(squares(exact(), row, rows.dims)), part);
      }
    }
    return true;
  });
}

}  // namespace kinspace
