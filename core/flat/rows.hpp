// Row vectors in memory that others own: chunks, norms and insertion order.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kinspace {

struct Chunk {
  const float* data;      // row 0
  std::ptrdiff_t stride;  // floats from one row to the next
};

struct Rows {
  std::vector<Chunk> chunks;
  std::size_t chunk_rows = 1;  // rows of every chunk but the last
  std::size_t n = 0;
  std::size_t dims = 0;
  const float* norms = nullptr;
  const std::uint64_t* order = nullptr;
  std::uint64_t order_base = 0;

  const float* row(std::size_t i) const {
    if (chunks.size() == 1) return chunks[0].data + static_cast<std::ptrdiff_t>(i) * chunks[0].stride;
    const std::size_t c = i / chunk_rows;
    return chunks[c].data + static_cast<std::ptrdiff_t>(i - c * chunk_rows) * chunks[c].stride;
  }
  std::uint64_t rank(std::size_t i) const { return order_base + (order ? order[i] : i); }
};

}  // namespace kinspace
