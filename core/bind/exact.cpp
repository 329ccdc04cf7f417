// Plain distances in double: pair, column, norms.
#include <cmath>

#include "bind/arguments.hpp"
#include "bind/array.hpp"
#include "bind/bind.hpp"
#include "bind/gil.hpp"
#include "flat/column.hpp"
#include "simd/dispatch.hpp"

namespace kinspace::bind {
namespace {

Column column_of(nb::handle block) {
  const Array<float> rows = array<float>(block, "block", 2, 2, Layout::row_strided);
  return {rows.data, rows.stride, rows.shape[0], rows.shape[1]};
}

double pair(nb::handle metric, nb::handle a, nb::handle b) {
  const Metric kind = parse_metric(metric, "dot");
  const Array<float> left = array<float>(a, "a", 1, 1), right = array<float>(b, "b", 1, 1);
  const std::size_t dims = left.shape[0];
  if (dims != right.shape[0]) throw nb::value_error("a and b differ in dims");
  return plain_distance(kind, left.data, right.data, dims);
}

nb::object column(nb::handle metric, nb::handle block, nb::handle query, nb::handle threads) {
  const Metric kind = parse_metric(metric, "dot");
  const Column rows = column_of(block);
  const Array<float> q = array<float>(query, "query", 1, 1);
  if (q.shape[0] != rows.dims) throw nb::value_error("query and block differ in dims");
  const std::size_t wanted = parse_count(threads, "threads");
  double* out;
  nb::object result = empty(rows.n, &out);
  {
    const Unlocked unlocked(rows.n * rows.dims);
    plain_distances(kind, rows, q.data, wanted, poll_signals, out);
  }
  return result;
}

nb::object norms_of(nb::handle block, nb::handle threads) {
  const Column rows = column_of(block);
  const std::size_t wanted = parse_count(threads, "threads");
  double* out;
  nb::object result = empty(rows.n, &out);
  {
    const Unlocked unlocked(rows.n * rows.dims);
    norms(rows, wanted, poll_signals, out);
  }
  return result;
}

double norm(nb::handle a) {
  const Array<float> v = array<float>(a, "a", 1, 1);
  return std::sqrt(squares(exact(), v.data, v.shape[0]));
}

std::int64_t nonfinite(nb::handle block) {
  const Column rows = column_of(block);
  const Unlocked unlocked(rows.n * rows.dims);
  return first_nonfinite(rows, poll_signals);
}

}  // namespace

void bind_exact(nb::module_& m) {
  using namespace nb::literals;
  m.def("pair", pair, "metric"_a.none(), "a"_a.none(), "b"_a.none());
  m.def("column", column, "metric"_a.none(), "block"_a.none(), "query"_a.none(), "threads"_a.none() = 0);
  m.def("norms", norms_of, "block"_a.none(), "threads"_a.none() = 0);
  m.def("norm", norm, "a"_a.none());
  m.def("first_nonfinite", nonfinite, "block"_a.none());
}

}  // namespace kinspace::bind
