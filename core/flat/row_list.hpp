// The next rows to compare, as the pointers that kernels take.
#pragma once
#include <cstddef>

#include "flat/considered.hpp"
#include "simd/kernels.hpp"

namespace kinspace {

struct RowList {
  static constexpr std::size_t capacity = 512, padding = block_rows + lookahead;

  std::size_t n;
  std::size_t ids[capacity];              // rows within the part, ascending
  const float* rows[capacity + padding];  // the last one is repeated to the end

  // Takes considered rows of part p from row `at` (a multiple of 64) on, up to `end`, as many as fit; moves `at`.
  void fill(const Considered& considered, std::size_t p, std::size_t& at, std::size_t end);

 private:
  void take(const Rows& from, std::size_t at, std::uint64_t word);
};

}  // namespace kinspace
