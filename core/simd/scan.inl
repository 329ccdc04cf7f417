// One query against a list of rows, lanes along the dimensions.
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
    if constexpr (S == Sum::dot_squares) hold(x);  // load once
    if constexpr (S != Sum::squares) sum += q * x;
    if constexpr (S != Sum::dot) squares += x * x;
  }
}

// Dimensions at…at + lanes, those outside of mask as zeros. q is not read for squares.
template <Sum S>
inline void add_masked(F& sum, F& squares, const float* q, const float* row, size_t at, I mask) {
  const F a = S == Sum::squares ? F{} : keep(load(q + at), mask);
  add<S>(sum, squares, a, keep(load(row + at), mask));
}

// Whole vectors are read from where a row is aligned on; the dimensions before and after are read as a vector that
// overlaps them, masked. Rows shorter than a vector are padded with zeros.
inline size_t unaligned(const float* row) { return -(reinterpret_cast<uintptr_t>(row) / sizeof(float)) % lanes; }

// Eight rows in cache, side by side: they share the loads of the query.
template <Sum S>
inline void step(const float* q, const float* const* rows, size_t dims, F (&sum)[8], F (&squares)[8]) {
  size_t i = unaligned(rows[0]);  // mostly the others are like the first
  if (i != 0) {
    const I mask = lanes_before(i);
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) add_masked<S>(sum[r], squares[r], q, rows[r], 0, mask);
  }
  for (; i + lanes <= dims; i += lanes) {
    const F a = S == Sum::squares ? F{} : load(q + i);
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) add<S>(sum[r], squares[r], a, load(rows[r] + i));
  }
  if (i < dims) {
    const I mask = ~lanes_before(lanes - (dims - i));
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) add_masked<S>(sum[r], squares[r], q, rows[r], dims - lanes, mask);
  }
}

// One row from memory: rows are read, and fetched `ahead`, strictly one after another, which memory likes best.
template <Sum S>
inline void stream(const float* q, const float* row, const float* later, size_t dims, F& sum, F& squares) {
  for (size_t i = 0; i < dims; i += 64 / sizeof(float)) __builtin_prefetch(later + i);
  size_t i = unaligned(row);
  if (i != 0) add_masked<S>(sum, squares, q, row, 0, lanes_before(i));
  for (; i + lanes <= dims; i += lanes) add<S>(sum, squares, S == Sum::squares ? F{} : load(q + i), load(row + i));
  if (i < dims) add_masked<S>(sum, squares, q, row, dims - lanes, ~lanes_before(lanes - (dims - i)));
}

template <Sum S>
inline void steps(const float* q, const float* const* rows, size_t n, size_t dims, size_t ahead, float* out,
                  float* out_squares) {
  for (size_t j = 0; j < n; j += 8) {
    F sum[8] = {}, squares[8] = {};
    if (dims < lanes) {
      const F a = S == Sum::squares ? F{} : load_part(q, dims);
      for (size_t r = 0; r < 8; ++r) add<S>(sum[r], squares[r], a, load_part(rows[j + r], dims));
    } else if (ahead == 0) {
      step<S>(q, rows + j, dims, sum, squares);
    } else {
      for (size_t r = 0; r < 8; ++r) {
        F s = {}, t = {};
        stream<S>(q, rows[j + r], rows[j + r + ahead], dims, s, t);
        sum[r] = s;
        squares[r] = t;
      }
    }
    if constexpr (S != Sum::squares) sum_lanes(sum, out + j);
    if constexpr (S == Sum::squares || S == Sum::dot_squares) sum_lanes(squares, out_squares + j);
  }
}

void dots(const float* q, const float* const* rows, size_t n, size_t dims, size_t ahead, float* out) noexcept {
  steps<Sum::dot>(q, rows, n, dims, ahead, out, out);
}

void dots_squares(const float* q, const float* const* rows, size_t n, size_t dims, size_t ahead, float* out,
                  float* squares) noexcept {
  steps<Sum::dot_squares>(q, rows, n, dims, ahead, out, squares);
}

void l2sqs(const float* q, const float* const* rows, size_t n, size_t dims, size_t ahead, float* out) noexcept {
  steps<Sum::l2sq>(q, rows, n, dims, ahead, out, out);
}

void squares(const float* const* rows, size_t n, size_t dims, size_t ahead, float* out) noexcept {
  steps<Sum::squares>(nullptr, rows, n, dims, ahead, out, out);
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
