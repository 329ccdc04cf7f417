// Which rows a search considers: live, in the mask, and not excluded.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "flat/rows.hpp"
#include "simd/elements.hpp"

namespace kinspace {

// How many bits are set. std::popcount is a call where the baseline has no instruction for it.
inline std::size_t bits_set(std::uint64_t x) {
  x -= x >> 1 & 0x5555555555555555;
  x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
  x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return static_cast<std::size_t>(x * 0x0101010101010101 >> 56);
}

struct Considered {
  const Parts& parts;
  std::vector<const std::uint64_t*> masks;  // a bitmap or null for each part, or empty
  std::int64_t exclude = -1;                // a position

  // The bitmap of rows at…at + 63 of part p; `at` is a multiple of 64 below its n.
  std::uint64_t word(std::size_t p, std::size_t at) const {
    const Part& part = parts.parts[p];
    const std::size_t left = part.rows->n - at;
    std::uint64_t bits = left < 64 ? (std::uint64_t{1} << left) - 1 : ~std::uint64_t{0};
    if (part.live != nullptr) bits &= part.live[at / 64];
    if (!masks.empty() && masks[p] != nullptr) bits &= masks[p][at / 64];
    if (exclude >= 0) {
      const std::uint64_t row = static_cast<std::uint64_t>(exclude) - part.first - at;  // wraps when it is before
      if (row < 64) bits &= ~(std::uint64_t{1} << row);
    }
    return bits;
  }

  // The first of at, at + 64, … below `end` whose word may have a bit set, or end; `at` is a multiple of 64.
  std::size_t next(std::size_t p, std::size_t at, std::size_t end) const {
    const std::uint64_t* mask = masks.empty() ? nullptr : masks[p];
    if (mask != nullptr)
      while (at < end && mask[at / 64] == 0) at += 64;
    return at < end ? at : end;
  }

  // The rows of part p.
  std::size_t count(std::size_t p) const {
    const Part& part = parts.parts[p];
    const std::uint64_t* mask = masks.empty() ? nullptr : masks[p];
    const std::uint64_t* one = mask != nullptr ? mask : part.live;
    std::size_t total = part.rows->n;
    if (one != nullptr) {
      const std::uint64_t* other = part.live != nullptr ? part.live : one;
      const std::size_t whole = total / 64, rest = total % 64;
      total = element_kernels().shared(one, other, whole);
      if (rest != 0) total += bits_set(one[whole] & other[whole] & ((std::uint64_t{1} << rest) - 1));
    }
    const std::uint64_t row = static_cast<std::uint64_t>(exclude) - part.first;
    if (exclude < 0 || row >= part.rows->n) return total;
    const auto set = [row](const std::uint64_t* bits) {
      return bits == nullptr || (bits[row / 64] >> row % 64 & 1) != 0;
    };
    return total - static_cast<std::size_t>(set(mask) && set(part.live));
  }

  std::size_t count() const {
    std::size_t total = 0;
    for (std::size_t p = 0; p < parts.parts.size(); ++p) total += count(p);
    return total;
  }
};

}  // namespace kinspace
