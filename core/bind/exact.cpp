// Plain distances in double: pair, column, norms.
#include <cmath>

#include "bind/arguments.hpp"
#include "bind/array.hpp"
#include "bind/bind.hpp"
#include "flat/scan.hpp"
#include "simd/kernels.hpp"

namespace kinspace::bind {
namespace {

double plain(Metric metric, const float* a, double a_ss, const float* b, std::size_t dims) {
  return metric == Metric::ip ? kernels().dot(a, b, dims) : exact_distance(metric, a, a_ss, b, dims);
}

double pair(nb::handle metric, nb::handle a, nb::handle b) {
  const Metric kind = parse_metric(metric, "dot");
  const Array<float> left = array<float>(a, "a", 1, 1), right = array<float>(b, "b", 1, 1);
  if (left.shape[0] != right.shape[0]) throw nb::value_error("a and b differ in dims");
  const std::size_t dims = left.shape[0];
  return plain(kind, left.data, kernels().squares(left.data, dims), right.data, dims);
}

nb::object column(nb::handle metric, nb::handle block, nb::handle query, std::size_t threads) {
  (void)threads;
  const Metric kind = parse_metric(metric, "dot");
  const Array<float> rows = array<float>(block, "block", 2, 2, Layout::row_strided);
  const Array<float> q = array<float>(query, "query", 1, 1);
  if (q.shape[0] != rows.shape[1]) throw nb::value_error("query and block differ in dims");
  double* out;
  nb::object result = empty(rows.shape[0], &out);
  {
    const nb::gil_scoped_release unlocked;
    const double ss = kernels().squares(q.data, q.shape[0]);
    for (std::size_t i = 0; i < rows.shape[0]; ++i)
      out[i] = plain(kind, q.data, ss, rows.data + static_cast<std::ptrdiff_t>(i) * rows.stride, q.shape[0]);
  }
  return result;
}

nb::object norms(nb::handle block, std::size_t threads) {
  (void)threads;
  const Array<float> rows = array<float>(block, "block", 2, 2, Layout::row_strided);
  double* out;
  nb::object result = empty(rows.shape[0], &out);
  {
    const nb::gil_scoped_release unlocked;
    for (std::size_t i = 0; i < rows.shape[0]; ++i)
      out[i] = std::sqrt(kernels().squares(rows.data + static_cast<std::ptrdiff_t>(i) * rows.stride, rows.shape[1]));
  }
  return result;
}

double norm(nb::handle a) {
  const Array<float> v = array<float>(a, "a", 1, 1);
  return std::sqrt(kernels().squares(v.data, v.shape[0]));
}

std::int64_t first_nonfinite(nb::handle block) {
  const Array<float> rows = array<float>(block, "block", 2, 2, Layout::row_strided);
  const nb::gil_scoped_release unlocked;
  for (std::size_t i = 0; i < rows.shape[0]; ++i)
    if (!std::isfinite(kernels().squares(rows.data + static_cast<std::ptrdiff_t>(i) * rows.stride, rows.shape[1])))
      return static_cast<std::int64_t>(i);
  return -1;
}

}  // namespace

void bind_exact(nb::module_& m) {
  using namespace nb::literals;
  m.def("pair", pair, "metric"_a, "a"_a, "b"_a);
  m.def("column", column, "metric"_a, "block"_a, "query"_a, "threads"_a = 0);
  m.def("norms", norms, "block"_a, "threads"_a = 0);
  m.def("norm", norm, "a"_a);
  m.def("first_nonfinite", first_nonfinite, "block"_a);
}

}  // namespace kinspace::bind
