// kinspace._core.Graph.
#include "bind/graph.hpp"

#include "bind/arguments.hpp"
#include "bind/bind.hpp"
#include "bind/gil.hpp"
#include "bind/teller.hpp"
#include "hnsw/build.hpp"
#include "hnsw/search.hpp"

namespace kinspace::bind {

const PyRows& parse_rows(nb::handle rows) {
  const PyRows* given = nullptr;
  if (!nb::try_cast(rows, given) || given == nullptr) throw nb::type_error("rows: expected Rows");
  if (given->rows.n >= none / 2) throw nb::value_error("rows: a graph holds at most 2,147,483,646");
  if (given->rows.element == Element::bit) throw nb::value_error("rows: there are no graphs over bits");
  return *given;
}

std::vector<std::uint32_t> all_of(const Rows& rows) {
  std::vector<std::uint32_t> every(rows.n);
  for (std::uint32_t i = 0; i < every.size(); ++i) every[i] = i;
  return every;
}

namespace {

void check_shape(std::size_t M, std::size_t ef_construction) {
  if (M < 2 || M > 512) throw nb::value_error("M must be in 2…512");
  if (ef_construction < 1 || ef_construction > 65536) throw nb::value_error("ef_construction must be in 1…65,536");
}

PyGraph* build_graph(nb::handle rows, nb::handle metric, std::size_t M, std::size_t ef_construction,
                     std::size_t threads, nb::handle progress) {
  const PyRows& given = parse_rows(rows);
  check_shape(M, ef_construction);
  auto made = std::make_unique<PyGraph>();
  made->owner = nb::borrow(rows);
  made->rows = &given.rows;
  const Shape shape{parse_metric(metric, "ip"), M, ef_construction};
  Teller teller(progress, given.rows.n);
  {
    const Unlocked unlocked(much);
    made->graph = build(given.rows, all_of(given.rows), shape, teller.crew(threads));
  }
  return made.release();
}

nb::list graph_curve(const PyGraph& self) {
  const Reading reading(self);
  nb::list points;
  for (const CurvePoint& point : self.graph->curve) points.append(nb::make_tuple(point.k, point.ef, point.recall));
  return points;
}

template <class T>
auto read(T of) {
  return [of](const PyGraph& self) {
    const Reading reading(self);
    return of(*self.graph);
  };
}

}  // namespace

void bind_graph(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<PyGraph>(m, "Graph")
      .def_static("build", build_graph, "rows"_a, nb::kw_only(), "metric"_a, "M"_a, "ef_construction"_a,
                  "threads"_a = 0, "progress"_a.none() = nb::none(), nb::rv_policy::take_ownership)
      .def_static("restore", restore_graph, "rows"_a, "arrays"_a, nb::rv_policy::take_ownership)
      .def("search", search_graph_for, "queries"_a, "k"_a, nb::kw_only(), "ef"_a = 0, "recall"_a = 0.95f,
           "mask"_a.none() = nb::none(), "exact"_a = false, "threads"_a = 1)
      .def("insert", insert_rows, "rows"_a, "new"_a, nb::kw_only(), "threads"_a = 0, "progress"_a.none() = nb::none())
      .def("remove", remove_rows, "gone"_a, nb::kw_only(), "threads"_a = 0)
      .def("merged", merge_graph, "rows"_a, "moved"_a, nb::kw_only(), "threads"_a = 0, "progress"_a.none() = nb::none(),
           nb::rv_policy::take_ownership)
      .def("arrays", graph_arrays)
      .def(
          "ef_for",
          [](const PyGraph& self, float recall, std::size_t k) {
            const Reading reading(self);
            return ef_for(*self.graph, recall, k);
          },
          "recall"_a, "k"_a)
      .def_prop_ro("curve", graph_curve)
      .def_prop_ro("n", read([](const Graph& graph) { return graph.rows; }))
      .def_prop_ro("nodes", read([](const Graph& graph) { return graph.live; }))
      .def_prop_ro("dead", read([](const Graph& graph) { return graph.dead(); }))
      .def_prop_ro("dims", read([](const Graph& graph) { return graph.coder.dims; }))
      .def_prop_ro("metric", read([](const Graph& graph) {
                     constexpr const char* names[] = {"cosine", "l2", "ip"};
                     return names[static_cast<std::size_t>(graph.coder.metric)];
                   }))
      .def_prop_ro("M", read([](const Graph& graph) { return graph.M; }))
      .def_prop_ro("ef_construction", read([](const Graph& graph) { return graph.ef_construction; }))
      .def_prop_ro("layers", read([](const Graph& graph) { return graph.nodes == 0 ? 0 : graph.top + 1; }))
      .def_prop_ro("bytes", read([](const Graph& graph) { return graph.bytes(); }));
}

}  // namespace kinspace::bind
