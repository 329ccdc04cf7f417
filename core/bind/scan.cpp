// kinspace._core.Scan.
#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <string>

#include "bind/arguments.hpp"
#include "bind/bind.hpp"
#include "bind/found.hpp"
#include "bind/gil.hpp"
#include "bind/graph.hpp"
#include "bind/plane.hpp"
#include "bind/rows.hpp"
#include "bind/trace.hpp"
#include "flat/bits.hpp"
#include "flat/errors.hpp"
#include "flat/search.hpp"
#include "hnsw/nearest.hpp"
#include "simd/dispatch.hpp"

namespace kinspace::bind {
namespace {

struct PyScan {
  Parts parts;
  Metric metric;
  std::vector<const PyGraph*> graphs;  // of each part, or null
  std::vector<std::size_t> live;       // rows of each part
  std::vector<nb::object> keep;
};

// Rows of the part that are live.
std::size_t count_live(const Part& part) {
  Parts one;
  one.parts.push_back({part.rows, part.live, 0});
  return Considered{one, {}, -1}.count();
}

// Whether the graph is over just these rows; to be asked while it is being read.
bool covers(const PyGraph& graph, const Rows& rows, Metric metric) {
  return graph.rows == &rows && graph.graph->rows == rows.n && graph.graph->coder.metric == metric;
}

const PyGraph* parse_graph(nb::handle object, const Rows& rows, Metric metric) {
  if (object.is_none()) return nullptr;
  const PyGraph* graph = nullptr;
  if (!nb::try_cast(object, graph) || graph == nullptr) throw nb::type_error("graphs: expected Graph or None");
  const Reading reading(*graph);
  if (!covers(*graph, rows, metric))
    throw nb::value_error("graphs: expected each over all of its part's rows, with the scan's metric");
  return graph;
}

const Plane* parse_plane(nb::handle object, const Rows& rows, Metric metric) {
  if (object.is_none()) return nullptr;
  const PyPlane* plane = nullptr;
  if (!nb::try_cast(object, plane) || plane == nullptr) throw nb::type_error("planes: expected Plane or None");
  const Plane& found = plane->plane;
  if (found.n > rows.n || found.compared() != rows.dims || found.metric != metric ||
      (found.n < rows.n && found.n % 64 != 0))
    throw nb::value_error(
        "planes: expected each over its part's rows, or the first 64 i of them, with the scan's metric");
  return &found;
}

void make_scan(PyScan* self, nb::handle parts, nb::handle live, nb::handle metric, nb::handle graphs,
               nb::handle planes) {
  PyScan made;
  Parts& scan = made.parts;
  made.metric = parse_any_metric(metric);
  const nb::object list = parse_list(parts, "parts");
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(list.ptr());
  if (count == 0) throw nb::value_error("parts: expected at least one Rows");
  nb::object bitmaps;
  if (!live.is_none()) {
    bitmaps = parse_list(live, "live");
    if (PySequence_Fast_GET_SIZE(bitmaps.ptr()) != count) throw nb::value_error("live: expected one for each part");
  }
  nb::object given;
  if (!graphs.is_none()) {
    given = parse_list(graphs, "graphs");
    if (PySequence_Fast_GET_SIZE(given.ptr()) != count) throw nb::value_error("graphs: expected one for each part");
  }
  nb::object coded;
  if (!planes.is_none()) {
    coded = parse_list(planes, "planes");
    if (PySequence_Fast_GET_SIZE(coded.ptr()) != count) throw nb::value_error("planes: expected one for each part");
  }
  for (Py_ssize_t p = 0; p < count; ++p) {
    const nb::handle item = PySequence_Fast_GET_ITEM(list.ptr(), p);
    const PyRows* rows = nullptr;
    if (!nb::try_cast(item, rows) || rows == nullptr) throw nb::type_error("parts: expected Rows");
    if (p == 0) scan.dims = rows->rows.dims;
    if (rows->rows.dims != scan.dims) throw nb::value_error("parts: all must have the same dims");
    if ((rows->rows.element == Element::bit) != over_bits(made.metric))
      throw nb::value_error("metric: 'hamming' and 'jaccard' are for rows of dtype 'bit', and these for nothing else");
    const std::uint64_t* bitmap = nullptr;
    if (bitmaps.is_valid()) {
      const nb::handle words = PySequence_Fast_GET_ITEM(bitmaps.ptr(), p);
      bitmap = parse_bitmap(words, "live", rows->rows.n);
      made.keep.push_back(nb::borrow(words));
    }
    if (rows->rows.order != nullptr || rows->rows.order_base != 0) scan.by_position = false;
    const Plane* plane = nullptr;
    if (coded.is_valid()) {
      const nb::handle one = PySequence_Fast_GET_ITEM(coded.ptr(), p);
      plane = parse_plane(one, rows->rows, made.metric);
      made.keep.push_back(nb::borrow(one));
    }
    scan.parts.push_back({&rows->rows, bitmap, scan.n, plane});
    scan.n += rows->rows.n;
    made.keep.push_back(nb::borrow(item));
    const PyGraph* graph = nullptr;
    if (given.is_valid()) {
      const nb::handle one = PySequence_Fast_GET_ITEM(given.ptr(), p);
      graph = parse_graph(one, rows->rows, made.metric);
      made.keep.push_back(nb::borrow(one));
    }
    made.graphs.push_back(graph);
    made.live.push_back(graph == nullptr ? 0 : count_live(scan.parts.back()));
  }
  new (self) PyScan(std::move(made));
}

// Queries as the scan's rows are: of bits, nothing but 0 and 1.
Array<float> queries_of(const PyScan& self, nb::handle object, const char* name, int max_ndim) {
  const Array<float> queries = parse_queries(object, name, self.parts.dims, max_ndim);
  if (!over_bits(self.metric)) return queries;
  for (std::size_t i = 0; i < queries.shape[0] * queries.shape[1]; ++i)
    if (queries.data[i] != 0.0f && queries.data[i] != 1.0f)
      throw nb::value_error((std::string(name) + ": every value must be 0 or 1").c_str());
  return queries;
}

// What a search asks for, checked, and what keeps it alive while other threads run.
struct PyAsked {
  Array<float> queries;
  Considered considered;
  std::size_t k, threads;
  std::vector<nb::object> keep;

  PyAsked(const PyScan& self, nb::handle vectors, nb::handle count, nb::handle masks, std::int64_t exclude,
          nb::handle wanted)
      : queries(queries_of(self, vectors, "queries", 2)),
        considered{self.parts, {}, exclude},
        k(parse_count(count, "k")),
        threads(parse_count(wanted, "threads")) {
    if (masks.is_none()) return;
    const Parts& parts = self.parts;
    const nb::object list = parse_list(masks, "masks");
    if (static_cast<std::size_t>(PySequence_Fast_GET_SIZE(list.ptr())) != parts.parts.size())
      throw nb::value_error("masks: expected one for each part");
    for (std::size_t p = 0; p < parts.parts.size(); ++p) {
      const nb::handle words = PySequence_Fast_GET_ITEM(list.ptr(), static_cast<Py_ssize_t>(p));
      considered.masks.push_back(parse_bitmap(words, "masks", parts.parts[p].rows->n));
      keep.push_back(nb::borrow(words));
    }
  }
};

nb::tuple search_scan(const PyScan& self, nb::handle queries, nb::handle k, nb::handle masks, std::int64_t exclude,
                      nb::handle threads) {
  const PyAsked asked(self, queries, k, masks, exclude, threads);
  const std::size_t m = asked.queries.shape[0];
  std::vector<std::vector<Found>> found;
  {
    const Unlocked unlocked(self.parts.n * self.parts.dims * m);
    found = search(self.metric, asked.queries.data, m, asked.considered, asked.k, asked.threads, poll_signals);
  }
  return to_arrays(found, asked.queries.ndim);
}

// The graphs that cover their parts still, and the locks on them.
struct Graphs {
  std::vector<GraphOf> of;
  std::vector<std::unique_ptr<Reading>> locks;
  std::size_t work = 0;  // floats that a search for one query reads, about

  Graphs(const PyScan& self, std::size_t k, std::size_t ef, float recall) : of(self.graphs.size()) {
    for (std::size_t p = 0; p < of.size(); ++p) {
      const Rows& rows = *self.parts.parts[p].rows;
      if (self.graphs[p] != nullptr && recall < 1.0f) {
        locks.push_back(std::make_unique<Reading>(*self.graphs[p]));
        if (covers(*self.graphs[p], rows, self.metric)) of[p] = {self.graphs[p]->graph.get(), self.live[p]};
      }
      const Graph* graph = of[p].graph;
      work += graph == nullptr
                  ? rows.n * rows.dims
                  : graph->M * std::max(ef != 0 ? ef : ef_for(*graph, recall, k), k) * graph->coder.code_bytes() / 4;
    }
  }
};

// (positions, distances, exact, visited) of a search, and where it is traced, what was done in each part and the
// seconds of the last ranking.
nb::tuple search_by(const PyScan& self, nb::handle queries, nb::handle k, nb::handle masks, std::int64_t exclude,
                    nb::handle threads, std::size_t ef, float recall, bool traced) {
  if (ef > 65536) throw nb::value_error("ef must be in 1…65,536, or 0");
  if (!(recall > 0.0f && recall <= 1.0f)) throw nb::value_error("recall must be in (0, 1]");
  const PyAsked asked(self, queries, k, masks, exclude, threads);
  const std::size_t m = asked.queries.shape[0];
  const Graphs graphs(self, asked.k, ef, recall);
  Answer answer;
  Trace trace;
  {
    const Unlocked unlocked(graphs.work * m * (masks.is_none() ? 1 : 8));
    const Since begun(traced);
    answer = nearest({self.metric, asked.queries.data, m, asked.k, ef, recall, unlocked ? asked.threads : 1},
                     asked.considered, graphs.of, poll_signals, traced ? &trace : nullptr);
    if (traced) trace.seconds = begun.seconds();
  }
  const nb::tuple arrays = to_arrays(answer.found, asked.queries.ndim);
  PyObject *found = PyTuple_GET_ITEM(arrays.ptr(), 0), *distances = PyTuple_GET_ITEM(arrays.ptr(), 1);
  PyObject* exact = answer.exact ? Py_True : Py_False;
  const nb::object visited = to_counts(answer, asked.queries.ndim);
  if (!traced) return nb::steal<nb::tuple>(PyTuple_Pack(4, found, distances, exact, visited.ptr()));
  const nb::dict told = to_dict(trace);
  return nb::steal<nb::tuple>(PyTuple_Pack(5, found, distances, exact, visited.ptr(), told.ptr()));
}

nb::tuple nearest_scan(const PyScan& self, nb::handle queries, nb::handle k, nb::handle masks, std::int64_t exclude,
                       nb::handle threads, std::size_t ef, float recall) {
  return search_by(self, queries, k, masks, exclude, threads, ef, recall, false);
}

nb::tuple trace_scan(const PyScan& self, nb::handle queries, nb::handle k, nb::handle masks, std::int64_t exclude,
                     nb::handle threads, std::size_t ef, float recall) {
  return search_by(self, queries, k, masks, exclude, threads, ef, recall, true);
}

constexpr std::size_t at_once = 16;

nb::object distances(const PyScan& self, nb::handle query, nb::handle positions) {
  const Parts& parts = self.parts;
  const Array<float> q = queries_of(self, query, "query", 1);
  const Array<std::int64_t> which = array<std::int64_t>(positions, "positions", 1, 1);
  check_range(which, parts.n, "position");
  double* out;
  nb::object result = empty(which.shape[0], &out);
  const std::size_t n = which.shape[0];
  {
    const Unlocked unlocked(n * parts.dims);
    Pulse pulse(poll_signals);
    if (over_bits(self.metric)) {
      bit_distances(self.metric, Packed(q.data, 1, parts.dims), parts, which.data, n, out);
      return result;
    }
    const Room room(parts, at_once);
    const double query_squares = squares(exact(), q.data, parts.dims);
    for (std::size_t from = 0; from < n; from += at_once) {
      const std::size_t count = std::min(at_once, n - from);
      const float* rows[at_once];
      for (std::size_t i = 0; i < count; ++i)
        rows[i] = parts.row(static_cast<std::size_t>(which.data[from + i]), room.at(i));
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
      .def("__init__", make_scan, "parts"_a.none(), nb::kw_only(), "live"_a.none() = nb::none(), "metric"_a.none(),
           "graphs"_a.none() = nb::none(), "planes"_a.none() = nb::none())
      .def_prop_ro("n", [](const PyScan& self) { return self.parts.n; })
      .def_prop_ro("dims", [](const PyScan& self) { return self.parts.dims; })
      .def("search", search_scan, "queries"_a.none(), "k"_a.none(), nb::kw_only(), "masks"_a.none() = nb::none(),
           "exclude"_a = -1, "threads"_a.none() = 0)
      .def("nearest", nearest_scan, "queries"_a.none(), "k"_a.none(), nb::kw_only(), "masks"_a.none() = nb::none(),
           "exclude"_a = -1, "threads"_a.none() = 0, "ef"_a = 0, "recall"_a = 0.95f)
      .def("trace", trace_scan, "queries"_a.none(), "k"_a.none(), nb::kw_only(), "masks"_a.none() = nb::none(),
           "exclude"_a = -1, "threads"_a.none() = 0, "ef"_a = 0, "recall"_a = 0.95f)
      .def("distances", distances, "query"_a.none(), "positions"_a.none());
}

}  // namespace kinspace::bind
