// A full-text index of some rows: which of them hold a term, how often, and where. Arrays that others own.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kinspace::text {

inline constexpr std::size_t block_rows = 128;  // postings coded together
inline constexpr std::size_t slack = 8;         // bytes after the last posting, so that words can be loaded whole

struct Index {
  std::size_t rows = 0;
  const std::uint32_t* lengths = nullptr;  // terms of each row
  std::size_t terms = 0;
  const std::uint8_t* text = nullptr;  // the terms in UTF-8, ascending by bytes, back to back …
  std::size_t text_size = 0;
  const std::uint64_t* offsets = nullptr;  // … term t is text[offsets[t]:offsets[t + 1]]
  const std::uint32_t* counts = nullptr;   // rows that hold each term
  const std::uint64_t* blocks = nullptr;   // its blocks are blocks[t]…blocks[t + 1]
  std::size_t block_count = 0;
  const std::uint32_t* last = nullptr;         // of each block: its last row,
  const std::uint32_t* most = nullptr;         // how often the term is in one of its rows at most,
  const std::uint32_t* shortest = nullptr;     // the least length of its rows,
  const std::uint64_t* posting_at = nullptr;   // where its rows begin,
  const std::uint64_t* position_at = nullptr;  // and where its terms' places do
  const std::uint8_t* postings = nullptr;
  std::size_t postings_size = 0;
  const std::uint8_t* positions = nullptr;
  std::size_t positions_size = 0;

  std::string_view term(std::size_t t) const {
    return {reinterpret_cast<const char*>(text) + offsets[t], static_cast<std::size_t>(offsets[t + 1] - offsets[t])};
  }
  std::size_t lower_bound(std::string_view term) const;  // the first term that is not less
  std::int64_t find(std::string_view term) const;        // or -1
  // Past the last term that begins so, the first of which is lower_bound.
  std::size_t upper_bound(std::string_view prefix, std::size_t from) const;

  void check() const;  // std::invalid_argument unless offsets, blocks and rows are within what they point into
};

}  // namespace kinspace::text
