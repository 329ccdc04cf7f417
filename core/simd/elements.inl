// Elements, in loops that the compiler makes vectors of; the including file defines `float16`. Eight bytes of bits at a
// time: rows are short, and what counts them keeps up with memory. Little-endian, as all that is stored.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bit>

#include "simd/elements.hpp"

namespace kinspace {
namespace {

void bfloat16(const void* from, size_t n, float* to) noexcept {
  const auto* x = static_cast<const uint16_t*>(from);
  for (size_t i = 0; i < n; ++i) to[i] = std::bit_cast<float>(static_cast<uint32_t>(x[i]) << 16);
}

void int8(const void* from, size_t n, float* to) noexcept {
  const auto* x = static_cast<const int8_t*>(from);
  for (size_t i = 0; i < n; ++i) to[i] = static_cast<float>(x[i]);
}

void bit(const void* from, size_t n, float* to) noexcept {
  const auto* x = static_cast<const uint8_t*>(from);
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (size_t j = 0; j < 8; ++j) to[i + j] = static_cast<float>(x[i / 8] >> j & 1);
  for (size_t j = 0; i + j < n; ++j) to[i + j] = static_cast<float>(x[i / 8] >> j & 1);
}

inline uint64_t word(const uint8_t* p) {
  uint64_t w;
  memcpy(&w, p, sizeof w);
  return w;
}

// The first `bits` < 64 bits.
inline uint64_t part_of_word(const uint8_t* p, size_t bits) {
  uint64_t w = 0;
  for (size_t i = 0; i < (bits + 7) / 8; ++i) w |= static_cast<uint64_t>(p[i]) << 8 * i;
  return w & ((uint64_t{1} << bits) - 1);
}

inline uint32_t count(uint64_t w) { return static_cast<uint32_t>(__builtin_popcountll(w)); }

void differing(const uint8_t* query, const uint8_t* const* rows, size_t n, size_t bits, uint32_t* out) noexcept {
  const size_t whole = bits / 64 * 8, rest = bits % 64;
  const uint64_t last = part_of_word(query + whole, rest);
  for (size_t j = 0; j < n; ++j) {
    const uint8_t* row = rows[j];
    uint32_t sum = rest == 0 ? 0 : count(last ^ part_of_word(row + whole, rest)), other = 0;
    size_t i = 0;
    for (; i + 16 <= whole; i += 16) {
      sum += count(word(query + i) ^ word(row + i));
      other += count(word(query + i + 8) ^ word(row + i + 8));
    }
    if (i < whole) sum += count(word(query + i) ^ word(row + i));
    out[j] = sum + other;
  }
}

void common(const uint8_t* query, const uint8_t* const* rows, size_t n, size_t bits, uint32_t* both,
            uint32_t* either) noexcept {
  const size_t whole = bits / 64 * 8, rest = bits % 64;
  const uint64_t last = part_of_word(query + whole, rest);
  for (size_t j = 0; j < n; ++j) {
    const uint8_t* row = rows[j];
    const uint64_t end = rest == 0 ? 0 : part_of_word(row + whole, rest);
    uint32_t in_both = count(last & end), in_either = count(last | end);
    for (size_t i = 0; i < whole; i += 8) {
      in_both += count(word(query + i) & word(row + i));
      in_either += count(word(query + i) | word(row + i));
    }
    both[j] = in_both;
    either[j] = in_either;
  }
}

size_t shared(const uint64_t* one, const uint64_t* other, size_t words) noexcept {
  size_t sums[4] = {};
  size_t i = 0;
  for (; i + 4 <= words; i += 4)
    for (size_t j = 0; j < 4; ++j) sums[j] += count(one[i + j] & other[i + j]);
  for (; i < words; ++i) sums[0] += count(one[i] & other[i]);
  return sums[0] + sums[1] + sums[2] + sums[3];
}

}  // namespace
}  // namespace kinspace
