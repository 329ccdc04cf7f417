// A plane: codes of rows to be scanned, and how far each row can be from what its codes stand for.
//
// A row x is prepared: divided by its norm (cosine), and less the plane's mean: r. Its codes stand for r' = scale * c,
// with |r - r'| <= error over the first so many dimensions, for every length in `lengths`; nothing is known of a row
// with error = infinity. A plane may be of rotated rows, r = rotation x - mean: then its first dimensions can be those
// that tell most. So a plane serves the first d dimensions of its rows, for every d, by the bounds in
// flat/plane_queries.hpp. Proven, not probable: the errors are measured in double and rounded up.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "flat/items.hpp"
#include "flat/metric.hpp"
#include "flat/rows.hpp"

namespace kinspace {

// Lengths that errors are kept for: 64, 128, 256… and the dims themselves.
std::vector<std::size_t> plane_lengths(std::size_t dims);

// What a plane's arrays have room for, a row each, rounded up to whole blocks.
std::size_t plane_room(std::size_t rows);
std::size_t plane_block_bytes(std::size_t width);  // of 16 rows' 4-bit codes
std::size_t plane_row_bytes(std::size_t width);    // of a row's 8-bit code

struct Plane {
  Metric metric = Metric::cosine;
  std::size_t n = 0;
  std::size_t dims = 0;   // searched: the first so many …
  std::size_t width = 0;  // … of those the codes are of

  const float* mean = nullptr;  // width
  const std::uint8_t* codes4 = nullptr;
  const std::int8_t* codes8 = nullptr;
  const float *scale4 = nullptr, *scale8 = nullptr;
  const float *error4 = nullptr, *error8 = nullptr;  // over dims or more
  const float* norm = nullptr;                       // |r| over dims (l2), over dims or more (cosine, ip)
  const float* stretch = nullptr;                    // cosine: |x| over its norm within the first dims; null: 1 for all

  const float* rotation = nullptr;  // width rows of width, or null: none
  float defect = 0;                 // at least |rotation^T rotation - 1|
  // A sketch: rows are compared whole, and ranked by what the first dims of their codes say of that, without proof.
  bool sketch = false;

  std::size_t compared() const { return sketch ? width : dims; }  // dimensions of the rows and the queries

  const std::uint8_t* block(std::size_t row) const { return codes4 + row / 16 * plane_block_bytes(width); }
  const std::int8_t* code8(std::size_t row) const { return codes8 + row * plane_row_bytes(width); }
};

// Where a plane's arrays are written; of the factors one row for each of lengths, `room` floats.
struct PlaneArrays {
  Metric metric;
  std::size_t width, room;
  std::vector<std::size_t> lengths;
  bool prepared;  // rows come of length 1 (cosine) and rotated, rounded to floats from double
  const float* mean;
  std::uint8_t* codes4;
  std::int8_t* codes8;
  float *scale4, *scale8, *error4, *error8, *norm, *stretch;
};

// Encodes rows into places first, first + 1…; `first` begins a block, or follows what was encoded before. Throws
// NotFinite with the row's number.
void encode_rows(const PlaneArrays& to, const Rows& rows, std::size_t first, std::size_t threads, Poll poll);

// norm (l2) or stretch (cosine) within the first dims dimensions of each row, for lengths that a plane doesn't keep.
void prefix_factors(Metric metric, const float* mean, const Rows& rows, std::size_t dims, std::size_t threads,
                    Poll poll, float* out);

}  // namespace kinspace
