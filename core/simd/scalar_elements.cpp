// The reference for elements: one at a time, bit by bit.
#include <bit>
#include <cmath>

#include "simd/elements.hpp"

namespace kinspace {
namespace {

float half(uint16_t bits) noexcept {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float value;
  if (exponent == 31) {
    value = fraction == 0 ? HUGE_VALF : std::nanf("");
  } else {
    value = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                          : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  }
  return std::copysign(value, bits >> 15 != 0 ? -1.0f : 1.0f);
}

void float16(const void* from, size_t n, float* to) noexcept {
  for (size_t i = 0; i < n; ++i) to[i] = half(static_cast<const uint16_t*>(from)[i]);
}

void bfloat16(const void* from, size_t n, float* to) noexcept {
  for (size_t i = 0; i < n; ++i)
    to[i] = std::bit_cast<float>(static_cast<uint32_t>(static_cast<const uint16_t*>(from)[i]) << 16);
}

void int8(const void* from, size_t n, float* to) noexcept {
  for (size_t i = 0; i < n; ++i) to[i] = static_cast<float>(static_cast<const int8_t*>(from)[i]);
}

bool is_set(const void* row, size_t i) noexcept { return (static_cast<const uint8_t*>(row)[i / 8] >> i % 8 & 1) != 0; }

void bit(const void* from, size_t n, float* to) noexcept {
  for (size_t i = 0; i < n; ++i) to[i] = is_set(from, i) ? 1.0f : 0.0f;
}

void differing(const uint8_t* query, const uint8_t* const* rows, size_t n, size_t bits, uint32_t* out) noexcept {
  for (size_t j = 0; j < n; ++j) {
    out[j] = 0;
    for (size_t i = 0; i < bits; ++i) out[j] += is_set(query, i) != is_set(rows[j], i);
  }
}

void common(const uint8_t* query, const uint8_t* const* rows, size_t n, size_t bits, uint32_t* both,
            uint32_t* either) noexcept {
  for (size_t j = 0; j < n; ++j) {
    both[j] = either[j] = 0;
    for (size_t i = 0; i < bits; ++i) {
      both[j] += is_set(query, i) && is_set(rows[j], i);
      either[j] += is_set(query, i) || is_set(rows[j], i);
    }
  }
}

size_t shared(const uint64_t* one, const uint64_t* other, size_t words) noexcept {
  size_t total = 0;
  for (size_t i = 0; i < words; ++i)
    for (uint64_t bits = one[i] & other[i]; bits != 0; bits &= bits - 1) ++total;
  return total;
}

}  // namespace

const ElementKernels scalar_elements = {float16, bfloat16, int8, bit, differing, common, shared};

}  // namespace kinspace
