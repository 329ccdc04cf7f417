// Changing a Graph from Python.
#include <algorithm>

#include "bind/arguments.hpp"
#include "bind/gil.hpp"
#include "bind/graph.hpp"
#include "bind/teller.hpp"
#include "flat/errors.hpp"
#include "hnsw/build.hpp"
#include "hnsw/change.hpp"
#include "simd/dispatch.hpp"

namespace kinspace::bind {
namespace {

constexpr std::size_t at_once = 256;  // rows inserted between two chances for searches

// Row numbers in range, each once, that the graph has or has not.
std::vector<std::uint32_t> parse_numbers(nb::handle object, const char* name, std::size_t n, const Graph& graph,
                                         bool has) {
  const Array<std::int64_t> given = array<std::int64_t>(object, name, 1, 1);
  check_range(given, n, "row");
  std::vector<std::uint32_t> numbers;
  std::vector<std::uint8_t> seen(n, 0);
  for (std::size_t i = 0; i < given.shape[0]; ++i) {
    const auto r = static_cast<std::uint32_t>(given.data[i]);
    if (seen[r]++ != 0) throw nb::value_error((std::string(name) + ": a row is named twice").c_str());
    if ((r < graph.node.size() && graph.node[r] != none) != has)
      throw nb::value_error(
          (std::string(name) + (has ? ": the graph does not have that row" : ": the graph has that row")).c_str());
    numbers.push_back(r);
  }
  return numbers;
}

void check_finite(const Rows& rows, const std::vector<std::uint32_t>& which) {
  const Room room(rows, 1);
  for (const std::uint32_t r : which)
    if (!kernels().finite(rows.row(r, room.at(0)), rows.dims)) throw NotFinite(r);
}

// From now on the graph is `made` (if not null) over these rows. The old ones are let go of when no lock is held.
void change_to(PyGraph& self, std::unique_ptr<Graph> made, const Rows& rows, nb::handle owner) {
  nb::object old;
  {
    const Writing writing(self);
    if (made != nullptr) self.graph.swap(made);
    make_room(*self.graph, rows.n);
    self.rows = &rows;
    const nb::gil_scoped_acquire held;
    old = std::move(self.owner);
    self.owner = nb::borrow(owner);
  }
  const nb::gil_scoped_acquire held;
  old.reset();
}

}  // namespace

void insert_rows(PyGraph& self, nb::handle rows, nb::handle which, std::size_t threads, nb::handle progress) {
  const PyRows& given = parse_rows(rows);
  const Changing changing(self);
  if (given.rows.dims != self.rows->dims || given.rows.n < self.rows->n)
    throw nb::value_error("rows: expected those there are, and more");
  const std::vector<std::uint32_t> fresh = parse_numbers(which, "new", given.rows.n, *self.graph, false);
  check_finite(given.rows, fresh);
  Teller teller(progress, fresh.size());
  const Crew crew = teller.crew(threads);
  const Unlocked unlocked(much);
  const Graph& old = *self.graph;
  if (!fresh.empty() && outgrown(old, fresh.size())) {  // searches go on meanwhile
    std::vector<std::uint32_t> every = rows_of(old);
    every.insert(every.end(), fresh.begin(), fresh.end());
    std::sort(every.begin(), every.end());
    std::unique_ptr<Graph> made = build(given.rows, every, {old.coder.metric, old.M, old.ef_construction}, crew);
    return change_to(self, std::move(made), given.rows, rows);
  }
  change_to(self, nullptr, given.rows, rows);
  std::size_t done = 0;
  try {
    while (done < fresh.size()) {
      const std::size_t end = std::min(fresh.size(), done + at_once);
      {
        const Writing writing(self);
        const auto begin = fresh.begin();
        insert(*self.graph, given.rows,
               {begin + static_cast<std::ptrdiff_t>(done), begin + static_cast<std::ptrdiff_t>(end)},
               {crew.threads, [] {}, {}});
      }
      done = end;
      crew.poll();
      crew.progress.tell(crew.progress.context, done, fresh.size());
    }
  } catch (...) {
    const Writing writing(self);
    bury(*self.graph, given.rows, fresh);
    throw;
  }
}

void remove_rows(PyGraph& self, nb::handle which, std::size_t threads) {
  const Changing changing(self);
  const std::vector<std::uint32_t> gone = parse_numbers(which, "gone", self.graph->node.size(), *self.graph, true);
  Teller silent(nb::none(), 0);
  const Crew crew = silent.crew(threads);
  const Unlocked unlocked(much);
  Graph& graph = *self.graph;
  {
    const Writing writing(self);
    bury(graph, *self.rows, gone);
  }
  if (!worn(graph)) return;
  std::unique_ptr<Graph> made =
      build(*self.rows, rows_of(graph), {graph.coder.metric, graph.M, graph.ef_construction}, crew);
  const Writing writing(self);
  self.graph.swap(made);
}

PyGraph* merge_graph(PyGraph& self, nb::handle rows, nb::handle to, std::size_t threads, nb::handle progress) {
  const PyRows& given = parse_rows(rows);
  const Rows& all = given.rows;
  const Changing changing(self);
  const Graph& old = *self.graph;
  if (all.dims != self.rows->dims) throw nb::value_error("rows: expected the same dims");
  const Array<std::int64_t> where = array<std::int64_t>(to, "moved", 1, 1);
  if (where.shape[0] != old.node.size()) throw nb::value_error("moved: expected one for each row");
  std::vector<std::uint32_t> places(where.shape[0], none), fresh;
  std::vector<std::uint8_t> taken(all.n, 0);
  for (std::size_t r = 0; r < places.size(); ++r) {
    const std::int64_t place = where.data[r];
    if (place < 0) continue;
    if (static_cast<std::size_t>(place) >= taken.size() || taken[static_cast<std::size_t>(place)]++ != 0 ||
        old.node[r] == none)
      throw nb::value_error("moved: expected rows of the graph, to places that are there, each to its own");
    places[r] = static_cast<std::uint32_t>(place);
  }
  for (std::uint32_t r = 0; r < taken.size(); ++r)
    if (taken[r] == 0) fresh.push_back(r);
  check_finite(all, fresh);
  auto made = std::make_unique<PyGraph>();
  made->owner = nb::borrow(rows);
  made->rows = &all;
  Teller teller(progress, all.n);
  {
    const Unlocked unlocked(much);
    const Crew crew = teller.crew(threads);
    made->graph = moved(old, all, places);
    Graph& graph = *made->graph;
    if (outgrown(graph, fresh.size()) || worn(graph)) {
      made->graph = build(all, all_of(all), {old.coder.metric, old.M, old.ef_construction}, crew);
    } else {
      if (!fresh.empty()) insert(graph, all, fresh, crew);
      graph.changing.reset();
    }
  }
  return made.release();
}

}  // namespace kinspace::bind
