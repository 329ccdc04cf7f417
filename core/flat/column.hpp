// Exact numbers of every row of a block: distances, norms, finiteness.
#pragma once
#include <cstddef>
#include <cstdint>

#include "flat/items.hpp"
#include "flat/metric.hpp"

namespace kinspace {

struct Column {
  const float* begin;
  std::ptrdiff_t stride;  // floats from one row to the next
  std::size_t n, dims;
  const float* row(std::size_t i) const { return begin + static_cast<std::ptrdiff_t>(i) * stride; }
};

// out[i] = the distance of row i; ip gives +dot.
void plain_distances(Metric metric, const Column& column, const float* query, std::size_t threads, Poll poll,
                     double* out);
void norms(const Column& column, std::size_t threads, Poll poll, double* out);
std::int64_t first_nonfinite(const Column& column, Poll poll);  // a row, or -1
double plain_distance(Metric metric, const float* a, const float* b, std::size_t dims);

}  // namespace kinspace
