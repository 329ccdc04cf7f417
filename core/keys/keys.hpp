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

  // The first row of the key with that hash whose bit is set in `live` (null: any row), or -1. `at` is where the hash
  // is or would be; `live` has a bit for each row.
  std::int64_t find(std::size_t at, std::uint64_t hash, std::string_view key, const std::uint64_t* live) const;
  std::int64_t find(std::size_t at, std::uint64_t hash, std::int64_t key, const std::uint64_t* live) const;
  std::size_t lower_bound(std::uint64_t hash) const;

  // lower_bound of many hashes, their memory fetched side by side up to the keys themselves. At most `batch` at once.
  static constexpr std::size_t batch = 32;
  void lower_bounds(const std::uint64_t* wanted, std::size_t m, std::size_t* at) const;

  bool text_of(std::size_t row, std::string_view& key) const;  // row < n; false: the offsets are out of range
  void prefetch(std::size_t row) const;                        // row < n: where its key is, or where that is written
  void prefetch_text(std::size_t row) const;
};

}  // namespace kinspace
