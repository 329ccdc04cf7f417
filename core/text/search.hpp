// The rows that say most of what is asked, by BM25, as one index has them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/list.hpp"

namespace kinspace::text {

enum class Role : std::uint8_t { any, must, never };

struct Clause {
  const List* list;
  double weight;  // what a term is worth: its idf
  Role role;
};

// Scores are whole multiples of 1 / unit, so that no sum depends on its order.
inline constexpr double unit = 4294967296.0;
inline constexpr double k1 = 1.2, b = 0.75;

struct Found {
  std::int64_t score;
  std::uint32_t row;
};

struct Asked {
  std::vector<Clause> clauses;
  double average;             // length of rows
  std::size_t k;              // of the best, ties by row
  std::int64_t need;          // and no less than this
  const std::uint64_t* live;  // null: all; bit first + i is row i
  const std::uint64_t* mask;  // likewise
  std::size_t first;
};

std::vector<Found> search(const Index& index, const Asked& asked);

// Scores of those rows, in ascending order; 0 where none of the clauses holds.
std::vector<std::int64_t> scores_of(const Index& index, const Asked& asked, const std::vector<std::uint32_t>& rows);

}  // namespace kinspace::text
