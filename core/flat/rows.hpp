// Row vectors in memory that others own: chunks, norms and insertion order.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "flat/buffer.hpp"
#include "simd/elements.hpp"

namespace kinspace {

struct Chunk {
  const std::byte* begin;  // row 0
  std::ptrdiff_t stride;   // bytes from one row to the next
};

struct Rows {
  std::vector<Chunk> chunks;
  std::size_t chunk_rows = 1;  // rows of every chunk but the last
  std::size_t n = 0;
  std::size_t dims = 0;
  Element element = Element::float32;
  const float* norms = nullptr;
  const std::uint64_t* order = nullptr;
  std::uint64_t order_base = 0;

  bool wide() const { return element == Element::float32; }
  std::size_t row_bytes() const { return row_bytes_of(element, dims); }
  const std::byte* bytes(std::size_t i) const {
    const std::size_t c = chunks.size() == 1 ? 0 : i / chunk_rows;
    return chunks[c].begin + static_cast<std::ptrdiff_t>(i - c * chunk_rows) * chunks[c].stride;
  }
  // Rows at…at + 63, as far as there are so many, if they lie in one chunk; else its begin is null.
  Chunk run(std::size_t at) const {
    const std::size_t c = chunks.size() == 1 ? 0 : at / chunk_rows, into = at - c * chunk_rows;
    if (chunks.size() > 1 && into + 64 > chunk_rows) return {nullptr, 0};
    return {chunks[c].begin + static_cast<std::ptrdiff_t>(into) * chunks[c].stride, chunks[c].stride};
  }
  // A row's floats: where they lie, or in `room`, of dims floats, if they are not stored as floats.
  const float* row(std::size_t i, float* room) const { return floats(bytes(i), room); }
  const float* floats(const std::byte* at, float* room) const {
    if (wide()) return reinterpret_cast<const float*>(at);
    widen(element, at, dims, room);
    return room;
  }
  bool same(std::size_t i, std::size_t j) const { return std::memcmp(bytes(i), bytes(j), row_bytes()) == 0; }
  std::uint64_t rank(std::size_t i) const { return order_base + (order != nullptr ? order[i] : i); }
};

struct Plane;

// Rows [first, first + n) of what is searched; live is a bitmap of them, or null when all are.
struct Part {
  const Rows* rows;
  const std::uint64_t* live;
  std::size_t first;
  const Plane* plane = nullptr;  // of the rows, or of the first so many of them
};

// Parts in order. A row's position is the rows of earlier parts plus its own.
struct Parts {
  std::vector<Part> parts;
  std::size_t n = 0;
  std::size_t dims = 0;
  bool by_position = true;  // no part has an order: equal distances go by position

  const Part& part_of(std::size_t position) const {
    std::size_t low = 0, high = parts.size();
    while (high - low > 1) {
      const std::size_t middle = (low + high) / 2;
      (parts[middle].first <= position ? low : high) = middle;
    }
    return parts[low];
  }
  const float* row(std::size_t position, float* room) const {
    const Part& part = part_of(position);
    return part.rows->row(position - part.first, room);
  }
  std::uint64_t rank(std::size_t position) const {
    if (by_position) return position;
    const Part& part = part_of(position);
    return part.rows->rank(position - part.first);
  }
};

// Where so many rows of some Rows can be widened; takes no memory when they are floats already.
class Room {
 public:
  Room(const Rows& rows, std::size_t count) : dims_(rows.dims) {
    if (!rows.wide()) floats_ = Buffer<float>(count * dims_);
  }
  Room(const Parts& parts, std::size_t count) : dims_(parts.dims) {
    for (const Part& part : parts.parts)
      if (!part.rows->wide() && !floats_) floats_ = Buffer<float>(count * dims_);
  }
  float* at(std::size_t i) const { return floats_ ? floats_.data() + i * dims_ : nullptr; }

 private:
  std::size_t dims_;
  Buffer<float> floats_;
};

}  // namespace kinspace
