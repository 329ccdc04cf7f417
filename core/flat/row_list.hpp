// The next rows to compare, as the pointers that kernels take.
#pragma once
#include <cstddef>

#include "flat/buffer.hpp"
#include "flat/considered.hpp"
#include "simd/kernels.hpp"

namespace kinspace {

struct RowList {
  static constexpr std::size_t capacity = 512, padding = block_rows + lookahead;
  static constexpr std::size_t widened = 64;  // at once: they stay in a core's own cache until they are compared

  std::size_t n;
  bool in_room;                           // they have been widened, and lie in the cache
  std::size_t ids[capacity];              // rows within the part, ascending
  const float* rows[capacity + padding];  // the last one is repeated to the end

  // Takes considered rows of part p from row `at` (a multiple of 64) on, up to `end`, as many as fit; moves `at`.
  // Rows that are not floats are widened into `room`, which gets as large as that takes.
  void fill(const Considered& considered, std::size_t p, std::size_t& at, std::size_t end, Buffer<float>& room);

 private:
  void take(const Rows& from, std::size_t at, std::uint64_t word);
  void take_widened(const Rows& from, std::size_t at, std::uint64_t word, float* room);
};

}  // namespace kinspace
