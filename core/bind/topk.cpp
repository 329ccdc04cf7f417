// kinspace._core.TopK.
#include <cmath>
#include <mutex>
#include <vector>

#include "bind/arguments.hpp"
#include "bind/bind.hpp"
#include "flat/errors.hpp"
#include "flat/scan.hpp"
#include "simd/kernels.hpp"

namespace kinspace::bind {
namespace {

struct PyTopK {
  Metric metric;
  std::size_t dims;
  std::vector<float> queries;
  std::vector<Best> best;
  std::mutex merging;
};

void make_topk(PyTopK* self, nb::handle queries, nb::handle k, nb::handle metric) {
  const Metric kind = parse_metric(metric, "ip");
  const Array<float> q = array<float>(queries, "queries", 2, 2);
  parse_queries(queries, "queries", 0, 2);
  const std::size_t want = parse_count(k, "k");
  new (self) PyTopK{kind, q.shape[1], std::vector<float>(q.data, q.data + q.shape[0] * q.shape[1]),
                    std::vector<Best>(q.shape[0], Best(want)), {}};
}

void scan_block(PyTopK& self, nb::handle block, std::int64_t first, nb::handle mask, std::size_t threads) {
  (void)threads;
  const Array<float> rows = array<float>(block, "block", 2, 2, Layout::row_strided);
  if (rows.shape[1] != self.dims) throw nb::value_error("block and queries differ in dims");
  const bool* allowed = nullptr;
  if (!mask.is_none()) {
    const Array<bool> given = array<bool>(mask, "mask", 1, 1);
    if (given.shape[0] != rows.shape[0]) throw nb::value_error("mask: expected one for each row of the block");
    allowed = given.data;
  }
  const nb::gil_scoped_release unlocked;
  const std::lock_guard<std::mutex> locked(self.merging);
  for (std::size_t i = 0; i < rows.shape[0]; ++i) {
    if (i % 4096 == 0) poll_signals();
    if (allowed && !allowed[i]) continue;
    const float* row = rows.data + static_cast<std::ptrdiff_t>(i) * rows.stride;
    const std::int64_t id = first + static_cast<std::int64_t>(i);
    for (std::size_t q = 0; q < self.best.size(); ++q) {
      const float* query = self.queries.data() + q * self.dims;
      const double d = exact_distance(self.metric, query, kernels().squares(query, self.dims), row, self.dims);
      if (!std::isfinite(d)) throw NotFinite(id);
      self.best[q].add({d, static_cast<std::uint64_t>(id), id});
    }
  }
}

nb::tuple result(PyTopK& self) {
  const std::lock_guard<std::mutex> locked(self.merging);
  const std::size_t m = self.best.size(), kk = m == 0 ? 0 : self.best[0].sorted().size();
  std::int64_t* positions;
  double* distances;
  nb::object ids = empty(m, kk, &positions), ds = empty(m, kk, &distances);
  for (std::size_t i = 0; i < m; ++i) {
    const std::vector<Found> found = self.best[i].sorted();
    for (std::size_t j = 0; j < kk; ++j) {
      positions[i * kk + j] = found[j].position;
      distances[i * kk + j] = found[j].distance;
    }
  }
  return nb::make_tuple(ids, ds);
}

}  // namespace

void bind_topk(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<PyTopK>(m, "TopK")
      .def("__init__", make_topk, "queries"_a, "k"_a, "metric"_a)
      .def("scan", scan_block, "block"_a, "first"_a, "mask"_a.none() = nb::none(), "threads"_a = 0)
      .def("result", result);
}

}  // namespace kinspace::bind
