// kinspace._core.Scan.
#include <algorithm>
#include <cmath>
#include <string>

#include "bind/arguments.hpp"
#include "bind/bind.hpp"
#include "bind/found.hpp"
#include "bind/gil.hpp"
#include "bind/rows.hpp"
#include "flat/errors.hpp"
#include "flat/search.hpp"
#include "simd/dispatch.hpp"

namespace kinspace::bind {
namespace {

struct PyScan {
  Parts parts;
  Metric metric;
  std::vector<nb::object> keep;
};

void make_scan(PyScan* self, nb::handle parts, nb::handle live, nb::handle metric) {
  PyScan made;
  Parts& scan = made.parts;
  made.metric = parse_metric(metric, "ip");
  const nb::object list = parse_list(parts, "parts");
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(list.ptr());
  if (count == 0) throw nb::value_error("parts: expected at least one Rows");
  nb::object bitmaps;
  if (!live.is_none()) {
    bitmaps = parse_list(live, "live");
    if (PySequence_Fast_GET_SIZE(bitmaps.ptr()) != count) throw nb::value_error("live: expected one for each part");
  }
  for (Py_ssize_t p = 0; p < count; ++p) {
    const nb::handle item = PySequence_Fast_GET_ITEM(list.ptr(), p);
    const PyRows* rows = nullptr;
    if (!nb::try_cast(item, rows) || rows == nullptr) throw nb::type_error("parts: expected Rows");
    if (p == 0) scan.dims = rows->rows.dims;
    if (rows->rows.dims != scan.dims) throw nb::value_error("parts: all must have the same dims");
    const std::uint64_t* bitmap = nullptr;
    if (bitmaps.is_valid()) {
      const nb::handle words = PySequence_Fast_GET_ITEM(bitmaps.ptr(), p);
      bitmap = parse_bitmap(words, "live", rows->rows.n);
      made.keep.push_back(nb::borrow(words));
    }
    if (rows->rows.order != nullptr || rows->rows.order_base != 0) scan.by_position = false;
    scan.parts.push_back({&rows->rows, bitmap, scan.n});
    scan.n += rows->rows.n;
    made.keep.push_back(nb::borrow(item));
  }
  new (self) PyScan(std::move(made));
}

nb::tuple search_scan(const PyScan& self, nb::handle queries, nb::handle k, nb::handle masks, std::int64_t exclude,
                      nb::handle threads) {
  const Parts& parts = self.parts;
  const Array<float> q = parse_queries(queries, "queries", parts.dims, 2);
  const std::size_t want = parse_count(k, "k"), wanted = parse_count(threads, "threads");
  Considered considered{parts, {}, exclude};
  std::vector<nb::object> keep;  // the list may change while others run
  if (!masks.is_none()) {
    const nb::object list = parse_list(masks, "masks");
    if (static_cast<std::size_t>(PySequence_Fast_GET_SIZE(list.ptr())) != parts.parts.size())
      throw nb::value_error("masks: expected one for each part");
    for (std::size_t p = 0; p < parts.parts.size(); ++p) {
      const nb::handle words = PySequence_Fast_GET_ITEM(list.ptr(), static_cast<Py_ssize_t>(p));
      considered.masks.push_back(parse_bitmap(words, "masks", parts.parts[p].rows->n));
      keep.push_back(nb::borrow(words));
    }
  }
  std::vector<std::vector<Found>> found;
  {
    const Unlocked unlocked(parts.n * parts.dims * q.shape[0]);
    found = search(self.metric, q.data, q.shape[0], considered, want, wanted, poll_signals);
  }
  return to_arrays(found, q.ndim);
}

constexpr std::size_t at_once = 16;

nb::object distances(const PyScan& self, nb::handle query, nb::handle positions) {
  const Parts& parts = self.parts;
  const Array<float> q = parse_queries(query, "query", parts.dims, 1);
  const Array<std::int64_t> which = array<std::int64_t>(positions, "positions", 1, 1);
  check_range(which, parts.n, "position");
  double* out;
  nb::object result = empty(which.shape[0], &out);
  const std::size_t n = which.shape[0];
  {
    const Unlocked unlocked(n * parts.dims);
    Pulse pulse(poll_signals);
    const double query_squares = squares(exact(), q.data, parts.dims);
    for (std::size_t from = 0; from < n; from += at_once) {
      const std::size_t count = std::min(at_once, n - from);
      const float* rows[at_once];
      for (std::size_t i = 0; i < count; ++i) rows[i] = parts.row(static_cast<std::size_t>(which.data[from + i]));
      exact_distances(exact(), self.metric, q.data, query_squares, rows, count, parts.dims, out + from);
      for (std::size_t i = from; i < from + count; ++i)
        if (!std::isfinite(out[i])) throw NotFinite(which.data[i]);
      if (unlocked) pulse.beat();
    }
  }
  return result;
}

}  // namespace

void bind_scan(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<PyScan>(m, "Scan")
      .def("__init__", make_scan, "parts"_a.none(), nb::kw_only(), "live"_a.none() = nb::none(), "metric"_a.none())
      .def_prop_ro("n", [](const PyScan& self) { return self.parts.n; })
      .def_prop_ro("dims", [](const PyScan& self) { return self.parts.dims; })
      .def("search", search_scan, "queries"_a.none(), "k"_a.none(), nb::kw_only(), "masks"_a.none() = nb::none(),
           "exclude"_a = -1, "threads"_a.none() = 0)
      .def("distances", distances, "query"_a.none(), "positions"_a.none());
}

}  // namespace kinspace::bind
