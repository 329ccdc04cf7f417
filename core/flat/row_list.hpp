// The next rows to compare, as the pointers that kernels take.
#pragma once
#include <cstddef>

#include "flat/buffer.hpp"
#include "flat/considered.hpp"
#include "simd/kernels.hpp"

namespace kinspace {

constexpr std::size_t in_flight = 12 << 10;  // bytes that hide the latency of memory (measured; 8 to 32 KB are alike)

// Where rows that are not stored as floats become floats, so few at once that they are in the cache when compared.
struct Widened {
  std::size_t rows;      // 1…RowList::capacity
  Buffer<float> floats;  // rows * dims, made when first needed
};

struct RowList {
  static constexpr std::size_t capacity = 512, padding = block_rows + lookahead;

  std::size_t n;
  bool in_cache;                          // they have just been widened
  std::size_t ids[capacity];              // rows within the part, ascending
  const float* rows[capacity + padding];  // the last one is repeated to the end

  // Takes considered rows of part p from row `at` on, up to `end`, as many as fit; moves `at`, at first a multiple of
  // 64. Rows that are not floats are widened into `room`.
  void fill(const Considered& considered, std::size_t p, std::size_t& at, std::size_t end, Widened& room);

 private:
  void take(const Rows& from, std::size_t at, std::uint64_t word);
  void widen(const Considered& considered, std::size_t p, std::size_t& at, std::size_t end, Widened& room);
};

}  // namespace kinspace
