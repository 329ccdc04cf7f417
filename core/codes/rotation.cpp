// Walsh-Hadamard transforms, in the compiler's own vectors.
#include "codes/rotation.hpp"

#include <bit>
#include <cmath>
#include <cstring>

#include "flat/mix.hpp"

namespace kinspace {
namespace {

typedef float Four __attribute__((vector_size(16)));

inline Four four_at(const float* x) {
  Four v;
  std::memcpy(&v, x, sizeof v);
  return v;
}
inline void put(float* x, Four v) { std::memcpy(x, &v, sizeof v); }

inline void mix_four(Four (&v)[4]) {
  const Four a = v[0] + v[1], b = v[0] - v[1], c = v[2] + v[3], d = v[2] - v[3];
  v[0] = a + c;
  v[1] = b + d;
  v[2] = a - c;
  v[3] = b - d;
}

inline void transpose(Four (&v)[4]) {
  const Four a = __builtin_shufflevector(v[0], v[1], 0, 4, 1, 5), b = __builtin_shufflevector(v[0], v[1], 2, 6, 3, 7);
  const Four c = __builtin_shufflevector(v[2], v[3], 0, 4, 1, 5), d = __builtin_shufflevector(v[2], v[3], 2, 6, 3, 7);
  v[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  v[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  v[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  v[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

// x = the transform of x * signs, n floats, in an order of its own.
void transform(float* x, const float* signs, std::size_t n) {
  Four v[4];
  for (std::size_t i = 0; i < n; i += 16) {
    for (std::size_t j = 0; j < 4; ++j) v[j] = four_at(x + i + 4 * j) * four_at(signs + i + 4 * j);
    mix_four(v);
    transpose(v);
    mix_four(v);
    for (std::size_t j = 0; j < 4; ++j) put(x + i + 4 * j, v[j]);
  }
  std::size_t gap = 16;  // between floats that come together
  for (; 4 * gap <= n; gap *= 4)
    for (std::size_t from = 0; from < n; from += 4 * gap)
      for (std::size_t i = from; i < from + gap; i += 4) {
        for (std::size_t j = 0; j < 4; ++j) v[j] = four_at(x + i + j * gap);
        mix_four(v);
        for (std::size_t j = 0; j < 4; ++j) put(x + i + j * gap, v[j]);
      }
  for (std::size_t i = 0; gap < n && i < gap; i += 4) {
    const Four a = four_at(x + i), b = four_at(x + i + gap);
    put(x + i, a + b);
    put(x + i + gap, a - b);
  }
}

}  // namespace

Rotation::Rotation(std::size_t floats)
    : floats_(floats), block_(std::bit_floor(floats)), signs_(block_ == floats ? block_ : 3 * block_) {
  const float size = 1.0f / std::sqrt(static_cast<float>(block_));
  for (std::size_t i = 0; i < signs_.size(); ++i) signs_[i] = mix(i) % 2 == 0 ? size : -size;
}

void Rotation::rotate(float* x) const {
  for (std::size_t at = 0; at < signs_.size(); at += block_)
    transform(at == block_ ? x + floats_ - block_ : x, signs_.data() + at, block_);
}

}  // namespace kinspace
