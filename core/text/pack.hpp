// Whole numbers in few bits, and in few bytes.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

namespace kinspace::text {

static_assert(std::endian::native == std::endian::little, "what is written is read as it lies");

inline unsigned bits_of(std::uint32_t value) { return static_cast<unsigned>(std::bit_width(value)); }

// n values of `width` bits (at most 32), ending at a whole byte.
inline void pack(std::vector<std::uint8_t>& out, const std::uint32_t* values, std::size_t n, unsigned width) {
  std::uint64_t held = 0;
  unsigned bits = 0;
  for (std::size_t i = 0; i < n; ++i) {
    held |= static_cast<std::uint64_t>(values[i]) << bits;
    for (bits += width; bits >= 8; bits -= 8, held >>= 8) out.push_back(static_cast<std::uint8_t>(held));
  }
  if (bits > 0) out.push_back(static_cast<std::uint8_t>(held));
}

inline std::size_t packed_size(std::size_t n, unsigned width) { return (n * width + 7) / 8; }

// What pack() wrote; up to 8 bytes past its end are read.
inline void unpack(const std::uint8_t* in, std::uint32_t* values, std::size_t n, unsigned width) {
  const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t bit = i * width;
    std::uint64_t word;
    std::memcpy(&word, in + bit / 8, sizeof word);
    values[i] = static_cast<std::uint32_t>((word >> (bit % 8)) & mask);
  }
}

inline void put_number(std::vector<std::uint8_t>& out, std::uint32_t value) {
  for (; value >= 128; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 128));
  out.push_back(static_cast<std::uint8_t>(value));
}

// The next number, 0 once there are no more bytes.
inline std::uint32_t get_number(const std::uint8_t*& at, const std::uint8_t* end) {
  std::uint32_t value = 0;
  for (unsigned shift = 0; at < end && shift < 35; shift += 7) {
    const std::uint8_t byte = *at++;
    value |= static_cast<std::uint32_t>(byte & 127) << (shift < 32 ? shift : 31);
    if (byte < 128) break;
  }
  return value;
}

}  // namespace kinspace::text
