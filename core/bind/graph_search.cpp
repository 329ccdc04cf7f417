// Searching a Graph from Python.
#include <algorithm>
#include <bit>
#include <cmath>

#include "bind/arguments.hpp"
#include "bind/gil.hpp"
#include "bind/graph.hpp"
#include "flat/search.hpp"
#include "flat/threads.hpp"
#include "hnsw/search.hpp"
#include "simd/dispatch.hpp"

namespace kinspace::bind {
namespace {

// The rows that may be returned, their bitmaps as long as the graph's.
struct Mask {
  Mask(const PyGraph& self, nb::handle object) {
    const Graph& graph = *self.graph;
    if (graph.rows < graph.node.size()) allowed.live = graph.present.data();
    allowed.count = graph.rows;
    if (object.is_none()) return;
    const Array<std::uint64_t> given = array<std::uint64_t>(object, "mask", 1, 1);
    allowed.mask = given.data;
    if (given.shape[0] < graph.present.size()) {
      longer.assign(graph.present.size(), 0);
      std::copy_n(given.data, given.shape[0], longer.begin());
      allowed.mask = longer.data();
    }
    allowed.count = 0;
    for (std::size_t w = 0; w < graph.present.size(); ++w)
      allowed.count += static_cast<std::size_t>(std::popcount(graph.present[w] & allowed.mask[w]));
  }
  Allowed allowed;
  std::vector<std::uint64_t> longer;
};

void search_exactly(const PyGraph& self, const float* query, std::size_t k, const Allowed& allowed,
                    std::vector<Found>& found) {
  Parts parts;
  parts.parts.push_back({self.rows, self.graph->present.data(), 0});
  parts.n = self.graph->node.size();
  parts.dims = self.rows->dims;
  parts.by_position = self.rows->order == nullptr && self.rows->order_base == 0;
  const Considered considered{
      parts, allowed.mask == nullptr ? std::vector<const std::uint64_t*>{} : std::vector{allowed.mask}, -1};
  found = search(self.graph->coder.metric, query, 1, considered, k, 1, poll_signals).front();
}

// Floats that a search for one query reads, about.
std::size_t work_of(const Graph& graph, bool exactly, std::size_t ef, float recall, std::size_t k,
                    std::size_t allowed) {
  const std::size_t all = allowed * graph.coder.dims;
  if (exactly) return all;
  const std::size_t pool = std::max(ef != 0 ? ef : ef_for(graph, recall, k), k);
  return std::min(all, graph.M * pool * graph.coder.code_bytes() / 4 *
                           std::max<std::size_t>(1, graph.rows / std::max<std::size_t>(allowed, 1)));
}

}  // namespace

nb::tuple search_graph_for(const PyGraph& self, nb::handle queries, nb::handle count, std::size_t ef, float recall,
                           nb::handle mask, bool exactly, std::size_t threads) {
  const Reading reading(self);
  const Graph& graph = *self.graph;
  const Array<float> q = parse_queries(queries, "queries", self.rows->dims, 2);
  const std::size_t m = q.shape[0], dims = self.rows->dims, k = parse_count(count, "k");
  if (ef > 65536) throw nb::value_error("ef must be in 1…65,536, or 0");
  if (!(recall > 0.0f && recall <= 1.0f)) throw nb::value_error("recall must be in (0, 1]");
  const Mask only(self, mask);
  const std::size_t rows = std::min(k, only.allowed.count), width = q.ndim == 1 ? rows : k;
  const auto one = [&](std::size_t i, std::vector<Found>& found) {
    found.clear();
    const float* query = q.data + i * dims;
    if (!exactly && recall < 1.0f) {
      const Wanted wanted{query, squares(exact(), query, dims), rows, ef, recall};
      std::uint64_t visited = 0;
      if (search_graph(graph, *self.rows, wanted, only.allowed, 0, found, visited)) return;
    }
    search_exactly(self, query, rows, only.allowed, found);
  };
  const auto write = [&](const std::vector<Found>& found, std::int64_t* ids, double* distances) {
    for (std::size_t j = 0; j < width; ++j) {
      ids[j] = j < found.size() ? static_cast<std::int64_t>(found[j].rank) : -1;
      distances[j] = j < found.size() ? found[j].distance : HUGE_VAL;
    }
  };
  std::int64_t* ids;
  double* distances;
  nb::object first = q.ndim == 1 ? empty(width, &ids) : empty(m, width, &ids);
  nb::object second = q.ndim == 1 ? empty(width, &distances) : empty(m, width, &distances);
  if (m == 1 && rows > 0) {
    static thread_local std::vector<Found> found;
    const Unlocked unlocked(work_of(graph, exactly || recall >= 1.0f, ef, recall, rows, only.allowed.count));
    one(0, found);
    write(found, ids, distances);
  } else {
    const Unlocked unlocked(much);
    std::vector<std::vector<Found>> found(std::min<std::size_t>(threads == 0 ? cpu_count() : threads, 256));
    for_items(m, found.size(), poll_signals, [&](std::size_t t, std::size_t i) {
      if (rows > 0) one(i, found[t]);
      write(found[t], ids + i * width, distances + i * width);
      return true;
    });
  }
  return nb::steal<nb::tuple>(PyTuple_Pack(2, first.ptr(), second.ptr()));
}

}  // namespace kinspace::bind
