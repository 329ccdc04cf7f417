// Exact numbers of every row of a block.
#include "flat/column.hpp"

#include <algorithm>
#include <cmath>

#include "simd/dispatch.hpp"

namespace kinspace {
namespace {

template <class Each>  // void(row)
void for_rows(const Column& column, std::size_t threads, Poll poll, Each each) {
  if (column.n == 0) return;
  const std::size_t step = std::max<std::size_t>(16, (std::size_t{1} << 18) / std::max<std::size_t>(column.dims, 1));
  const double work = static_cast<double>(column.n) * static_cast<double>(column.dims);
  for_items((column.n + step - 1) / step, threads_for(threads, work), poll, [&](std::size_t, std::size_t item) {
    const std::size_t to = std::min(column.n, (item + 1) * step);
    for (std::size_t i = item * step; i < to; ++i) each(i);
    return true;
  });
}

}  // namespace

void plain_distances(Metric metric, const Column& column, const float* query, std::size_t threads, Poll poll,
                     double* out) {
  const ExactKernels& table = exact();
  const double squares = table.squares(query, column.dims);
  for_rows(column, threads, poll, [&](std::size_t i) {
    out[i] = plain_distance(table, metric, query, squares, column.row(i), column.dims);
  });
}

void norms(const Column& column, std::size_t threads, Poll poll, double* out) {
  const ExactKernels& table = exact();
  for_rows(column, threads, poll,
           [&](std::size_t i) { out[i] = std::sqrt(table.squares(column.row(i), column.dims)); });
}

std::int64_t first_nonfinite(const Column& column, Poll poll) {
  const Kernels& table = kernels();
  const bool dense = column.stride == static_cast<std::ptrdiff_t>(column.dims);
  const std::size_t step = std::max<std::size_t>(16, (std::size_t{1} << 22) / std::max<std::size_t>(column.dims, 1));
  for (std::size_t from = 0; from < column.n; from += step) {
    const std::size_t to = std::min(column.n, from + step);
    if (from != 0) poll();
    if (dense && table.finite(column.row(from), (to - from) * column.dims)) continue;
    for (std::size_t i = from; i < to; ++i)
      if (!table.finite(column.row(i), column.dims)) return static_cast<std::int64_t>(i);
  }
  return -1;
}

}  // namespace kinspace
