// Bitmap words to lists of rows.
#include "flat/row_list.hpp"

#include <bit>

namespace kinspace {

void RowList::take(const Rows& from, std::size_t at, std::uint64_t word) {
  const std::size_t c = from.chunks.size() == 1 ? 0 : at / from.chunk_rows;
  const Chunk& chunk = from.chunks[c];
  const auto into = static_cast<std::ptrdiff_t>(at - c * from.chunk_rows);
  const bool whole = from.chunks.size() == 1 || at - c * from.chunk_rows + 64 <= from.chunk_rows;
  if (whole && word == ~std::uint64_t{0}) {
    const std::byte* first = chunk.begin + into * chunk.stride;
    for (std::size_t i = 0; i < 64; ++i) {
      ids[n + i] = at + i;
      rows[n + i] = reinterpret_cast<const float*>(first + static_cast<std::ptrdiff_t>(i) * chunk.stride);
    }
    n += 64;
    return;
  }
  for (; word != 0; word &= word - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(word));
    ids[n] = at + i;
    rows[n] = reinterpret_cast<const float*>(
        whole ? chunk.begin + (into + static_cast<std::ptrdiff_t>(i)) * chunk.stride : from.bytes(at + i));
    ++n;
  }
}

void RowList::take_widened(const Rows& from, std::size_t at, std::uint64_t word, float* room) {
  for (; word != 0; word &= word - 1) {
    const std::size_t id = at + static_cast<std::size_t>(std::countr_zero(word));
    ids[n] = id;
    rows[n] = from.row(id, room + n * from.dims);
    ++n;
  }
}

void RowList::fill(const Considered& considered, std::size_t p, std::size_t& at, std::size_t end, Buffer<float>& room) {
  const Rows& from = *considered.parts.parts[p].rows;
  n = 0;
  in_room = !from.wide();
  if (in_room && !room) room = Buffer<float>(widened * from.dims);
  for (; at < end && n + 64 <= (in_room ? widened : capacity); at += 64) {
    const std::uint64_t word = considered.word(p, at);
    if (word == 0) continue;
    if (in_room) {
      take_widened(from, at, word, room.data());
    } else {
      take(from, at, word);
    }
  }
  if (n == 0) return;
  for (std::size_t i = 0; i < padding; ++i) rows[n + i] = rows[n - 1];
}

}  // namespace kinspace
