// Bitmap words to lists of rows.
#include "flat/row_list.hpp"

#include <bit>

namespace kinspace {

void RowList::take(const Rows& from, std::size_t at, std::uint64_t word) {
  const Chunk run = from.run(at);
  if (run.begin != nullptr && word == ~std::uint64_t{0}) {
    for (std::size_t i = 0; i < 64; ++i) {
      ids[n + i] = at + i;
      rows[n + i] = reinterpret_cast<const float*>(run.begin + static_cast<std::ptrdiff_t>(i) * run.stride);
    }
    n += 64;
    return;
  }
  for (; word != 0; word &= word - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(word));
    ids[n] = at + i;
    rows[n] = reinterpret_cast<const float*>(
        run.begin != nullptr ? run.begin + static_cast<std::ptrdiff_t>(i) * run.stride : from.bytes(at + i));
    ++n;
  }
}

// Rows `at` to `end` of the part, to where the room is full.
void RowList::widen(const Considered& considered, std::size_t p, std::size_t& at, std::size_t end, Widened& room) {
  const Rows& from = *considered.parts.parts[p].rows;
  if (!room.floats) room.floats = Buffer<float>(room.rows * from.dims);
  const std::size_t row_bytes = from.row_bytes();
  const auto ahead = static_cast<std::ptrdiff_t>(in_flight / row_bytes + 1);
  while (at < end && n < room.rows) {
    const std::size_t first = at / 64 * 64;
    const Chunk run = from.run(first);
    std::uint64_t word = considered.word(p, first) & ~std::uint64_t{0} << at % 64;
    const bool dense = run.begin != nullptr && word == ~std::uint64_t{0} << at % 64;
    for (; word != 0 && n < room.rows; word &= word - 1, ++n) {
      const auto i = static_cast<std::ptrdiff_t>(std::countr_zero(word));
      ids[n] = first + static_cast<std::size_t>(i);
      const std::byte* row = run.begin != nullptr ? run.begin + i * run.stride : from.bytes(ids[n]);
      if (dense)
        for (std::size_t b = 0; b < row_bytes; b += 64) __builtin_prefetch(row + ahead * run.stride + b);
      rows[n] = from.floats(row, room.floats.data() + n * from.dims);
    }
    at = word == 0 ? first + 64 : first + static_cast<std::size_t>(std::countr_zero(word));
  }
}

void RowList::fill(const Considered& considered, std::size_t p, std::size_t& at, std::size_t end, Widened& room) {
  const Rows& from = *considered.parts.parts[p].rows;
  n = 0;
  in_cache = !from.wide();
  if (in_cache) widen(considered, p, at, end, room);
  for (; !in_cache && (at = considered.next(p, at, end)) < end && n + 64 <= capacity; at += 64) {
    const std::uint64_t word = considered.word(p, at);
    if (word != 0) take(from, at, word);
  }
  if (n == 0) return;
  for (std::size_t i = 0; i < padding; ++i) rows[n + i] = rows[n - 1];
}

}  // namespace kinspace
