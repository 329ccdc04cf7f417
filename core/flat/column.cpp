// Exact numbers of every row of a block.
#include "flat/column.hpp"

#include <algorithm>
#include <cmath>

#include "simd/dispatch.hpp"

namespace kinspace {
namespace {

constexpr std::size_t at_once = 16;

// What is reported of one metric, for rows by the list; ip gives +dot.
void plain(const ExactKernels& table, Metric metric, const float* query, double squares, const float* const* rows,
           std::size_t n, std::size_t dims, double* out) {
  if (metric == Metric::ip) return table.dots(query, rows, n, dims, out);
  exact_distances(table, metric, query, squares, rows, n, dims, out);
}

template <class Each>  // void(rows, n, first)
void for_rows(const Column& column, std::size_t threads, Poll poll, Each each) {
  if (column.n == 0) return;
  const std::size_t step =
      std::max((std::size_t{1} << 18) / std::max<std::size_t>(column.dims, 1) / at_once, std::size_t{1}) * at_once;
  const double work = static_cast<double>(column.n) * static_cast<double>(column.dims);
  for_items((column.n + step - 1) / step, threads_for(threads, work), poll, [&](std::size_t, std::size_t item) {
    const std::size_t to = std::min(column.n, (item + 1) * step);
    for (std::size_t i = item * step; i < to; i += at_once) {
      const float* rows[at_once];
      const std::size_t n = std::min(at_once, to - i);
      for (std::size_t j = 0; j < n; ++j) rows[j] = column.row(i + j);
      each(rows, n, i);
    }
    return true;
  });
}

}  // namespace

void plain_distances(Metric metric, const Column& column, const float* query, std::size_t threads, Poll poll,
                     double* out) {
  const ExactKernels& table = exact();
  const double ss = squares(table, query, column.dims);
  for_rows(column, threads, poll, [&](const float* const* rows, std::size_t n, std::size_t first) {
    plain(table, metric, query, ss, rows, n, column.dims, out + first);
  });
}

double plain_distance(Metric metric, const float* a, const float* b, std::size_t dims) {
  const ExactKernels& table = exact();
  double out;
  plain(table, metric, a, metric == Metric::cosine ? squares(table, a, dims) : 0.0, &b, 1, dims, &out);
  return out;
}

void norms(const Column& column, std::size_t threads, Poll poll, double* out) {
  const ExactKernels& table = exact();
  for_rows(column, threads, poll, [&](const float* const* rows, std::size_t n, std::size_t first) {
    table.squares(rows, n, column.dims, out + first);
    for (std::size_t i = first; i < first + n; ++i) out[i] = std::sqrt(out[i]);
  });
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
