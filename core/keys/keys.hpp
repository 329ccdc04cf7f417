// Hashed key lookup of one segment: arrays that others own, every access bounds-checked.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kinspace {

struct Keys {
  const std::uint64_t* hashes = nullptr;  // ascending
  const std::uint32_t* rows = nullptr;    // row of each hash
  std::size_t n = 0;
  const char* text = nullptr;  // keys of rows, back to back …
  std::size_t text_size = 0;
  const std::uint64_t* offsets = nullptr;  // … row r is text[offsets[r]:offsets[r + 1]]
  const std::int64_t* ints = nullptr;      // or integer keys

  // Where the first hash >= the one asked would be.
  std::size_t lower_bound(std::uint64_t hash) const;
  bool text_of(std::size_t row, std::string_view& key) const;  // false: the offsets are out of range
  std::int64_t find(std::uint64_t hash, std::string_view key) const;
  std::int64_t find(std::uint64_t hash, std::int64_t key) const;
};

}  // namespace kinspace
