// One query against a list of rows: eight rows a step, lanes along the dimensions.
#include "simd/vector.inl"

namespace kinspace {
namespace {

enum class Sum { dot, squares, dot_squares, l2sq };

template <Sum S>
inline void add(F& sum, F& squares, F q, F x) {
  if constexpr (S == Sum::l2sq) {
    const F gap = q - x;
    sum += gap * gap;
  } else {
    if constexpr (S != Sum::squares) sum += q * x;
    if constexpr (S != Sum::dot) squares += x * x;
  }
}

// Dimensions past the last whole vector are read as the last `lanes` of the row, those already seen masked to zero;
// q is null for squares. Rows shorter than a vector are padded with zeros.
template <Sum S, bool Far>
inline void step(const float* q, const float* const* rows, size_t dims, I fresh, float* out, float* out_squares) {
  F sum[8] = {}, squares[8] = {};
  size_t i = 0;
  for (; i + lanes <= dims; i += lanes) {
    const F a = S == Sum::squares ? F{} : load(q + i);
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) {
      if constexpr (Far) __builtin_prefetch(rows[r + 8] + i);
      add<S>(sum[r], squares[r], a, load(rows[r] + i));
    }
  }
  if (i < dims) {
    if (i != 0) {
      const F a = S == Sum::squares ? F{} : keep(load(q + dims - lanes), fresh);
#pragma GCC unroll 8
      for (int r = 0; r < 8; ++r) {
        if constexpr (Far) __builtin_prefetch(rows[r + 8] + dims - 1);
        add<S>(sum[r], squares[r], a, keep(load(rows[r] + dims - lanes), fresh));
      }
    } else {
      const F a = S == Sum::squares ? F{} : load_part(q, dims);
#pragma GCC unroll 8
      for (int r = 0; r < 8; ++r) add<S>(sum[r], squares[r], a, load_part(rows[r], dims));
    }
  }
  if constexpr (S != Sum::squares) sum_lanes(sum, out);
  if constexpr (S == Sum::squares || S == Sum::dot_squares) sum_lanes(squares, out_squares);
}

template <Sum S>
inline void steps(const float* q, const float* const* rows, size_t n, size_t dims, bool far, float* out,
                  float* out_squares) {
  const I fresh = lanes_from(lanes - dims % lanes);
  if (far) {
    for (size_t j = 0; j < n; j += 8) step<S, true>(q, rows + j, dims, fresh, out + j, out_squares + j);
  } else {
    for (size_t j = 0; j < n; j += 8) step<S, false>(q, rows + j, dims, fresh, out + j, out_squares + j);
  }
}

void dots(const float* q, const float* const* rows, size_t n, size_t dims, bool far, float* out) noexcept {
  steps<Sum::dot>(q, rows, n, dims, far, out, out);
}

void dots_squares(const float* q, const float* const* rows, size_t n, size_t dims, bool far, float* out,
                  float* squares) noexcept {
  steps<Sum::dot_squares>(q, rows, n, dims, far, out, squares);
}

void l2sqs(const float* q, const float* const* rows, size_t n, size_t dims, bool far, float* out) noexcept {
  steps<Sum::l2sq>(q, rows, n, dims, far, out, out);
}

void squares(const float* const* rows, size_t n, size_t dims, bool far, float* out) noexcept {
  steps<Sum::squares>(nullptr, rows, n, dims, far, out, out);
}

float l2sq(const float* a, const float* b, size_t dims) noexcept {
  F sum[8] = {};
  size_t i = 0;
  for (; i + 4 * lanes <= dims; i += 4 * lanes)
    for (size_t j = 0; j < 4; ++j) {
      const F gap = load(a + i + j * lanes) - load(b + i + j * lanes);
      sum[j] += gap * gap;
    }
  for (; i + lanes <= dims; i += lanes) {
    const F gap = load(a + i) - load(b + i);
    sum[4] += gap * gap;
  }
  if (i < dims) {
    const F gap = load_part(a + i, dims - i) - load_part(b + i, dims - i);
    sum[5] += gap * gap;
  }
  float out[8];
  sum_lanes(sum, out);
  return ((out[0] + out[1]) + (out[2] + out[3])) + (out[4] + out[5]);
}

bool finite(const float* a, size_t n) noexcept {
  size_t i = 0;
  I bad[4] = {};
  const auto add_bad = [](I& sum, I bits) { sum |= (bits & 0x7f800000) == 0x7f800000; };
  for (; i + 4 * lanes <= n; i += 4 * lanes)
    for (size_t j = 0; j < 4; ++j) add_bad(bad[j], load_bits(a + i + j * lanes));
  int32_t any = 0;
  for (; i < n; ++i) {
    uint32_t bits;
    memcpy(&bits, a + i, sizeof bits);
    any |= (bits & 0x7f800000u) == 0x7f800000u;
  }
  const I all = (bad[0] | bad[1]) | (bad[2] | bad[3]);
  for (size_t j = 0; j < lanes; ++j) any |= all[j];
  return any == 0;
}

}  // namespace
}  // namespace kinspace
