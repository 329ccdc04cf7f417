// Filtered searches.
#include "hnsw/filter.hpp"

#include <algorithm>
#include <bit>

#include "hnsw/traverse.hpp"

namespace kinspace {
namespace {

constexpr std::size_t wider = 3;  // the allowed nodes alone are a poorer graph: two hops take so many times the pool
constexpr double spare = 1.2;     // pools are so much larger than the share of allowed rows lets expect

// Costs in nanoseconds, measured on one core of a 2024 server; only their ratios matter.
double exact_cost(const Graph& graph, double rows) { return rows * (8 + static_cast<double>(graph.coder.dims) / 14); }
// By a plane: row by row, or all of them, whichever is cheaper.
double exact_cost(const Graph& graph, const Allowed& allowed) {
  const double dims = static_cast<double>(graph.coder.dims), rows = static_cast<double>(allowed.count);
  if (!allowed.coded) return exact_cost(graph, rows);
  constexpr double query = 5000;  // to be quantized
  const double by_plane = query + std::min(rows * (5 + dims / 28), static_cast<double>(graph.rows) * (1 + dims / 110));
  return std::min(by_plane, exact_cost(graph, rows));
}
double distance_cost(const Graph& graph) { return 8 + 4 * static_cast<double>(graph.coder.lines); }
double all_cost(const Graph& graph, double ef) {
  return 0.6 * static_cast<double>(2 * graph.M) * (ef + 6) * distance_cost(graph);
}
double two_hops_cost(const Graph& graph, double share, double ef) {
  const double reach = static_cast<double>(4 * graph.M * graph.M);
  return (static_cast<double>(wider) * ef + 12) * reach * (2.2 + 0.6 * share * distance_cost(graph));
}

double share_of(const Graph& graph, const Allowed& allowed) {
  return static_cast<double>(allowed.count) / static_cast<double>(std::max<std::size_t>(graph.rows, 1));
}

// Some nodes, each marked, evenly spaced among the allowed rows.
void seed(const Graph& graph, const Allowed& allowed, std::size_t wanted, const Hop& hop,
          std::vector<std::uint32_t>& ids) {
  const std::size_t words = (graph.node.size() + 63) / 64, every = std::max<std::size_t>(1, words / wanted);
  for (std::size_t from = 0; from < words; from += every)
    for (std::size_t w = from; w < std::min(words, from + every); ++w) {
      std::uint64_t bits = graph.present[w];
      if (allowed.live != nullptr) bits &= allowed.live[w];
      if (allowed.mask != nullptr) bits &= allowed.mask[w];
      const std::size_t r = w * 64 + static_cast<std::size_t>(std::countr_zero(bits));
      if (bits == 0) continue;
      const std::uint32_t id = graph.node[r];
      if (hop.visited[id] != hop.epoch) ids.push_back(id);
      hop.visited[id] = hop.epoch;
      break;
    }
}

}  // namespace

Costs costs_of(const Graph& graph, const Allowed& allowed, std::size_t k, std::size_t ef) {
  const double share = share_of(graph, allowed), wanted = static_cast<double>(std::max(ef, k));
  return {exact_cost(graph, allowed), all_cost(graph, spare * wanted / share), two_hops_cost(graph, share, wanted)};
}

Way choose_way(const Graph& graph, const Allowed& allowed, std::size_t k, std::size_t ef) {
  const auto [exact, all, two] = costs_of(graph, allowed, k, ef);
  if (allowed.count <= k || exact <= std::min(all, two)) return Way::exact;
  return all <= two ? Way::all : Way::two_hops;
}

bool dearer_than_exact(const Graph& graph, std::size_t rows, std::size_t ef) {
  return all_cost(graph, static_cast<double>(ef)) > exact_cost(graph, static_cast<double>(rows));
}

bool search_all(const Graph& graph, const Allowed& allowed, Hop& hop, std::size_t ef, Searcher& mine) {
  const double share = share_of(graph, allowed), exact = exact_cost(graph, allowed);
  const std::size_t wanted = std::min(ef, allowed.count);
  auto capacity = static_cast<std::size_t>(spare * static_cast<double>(ef) / share) + 1;
  const Pool& pool = mine.work.pool;
  for (bool keeping = false;;) {
    if (keeping) {
      traverse_keeping(graph, hop, mine.work, mine.spilled);
    } else {
      start(graph, hop, mine, capacity);
      traverse(graph, 0, hop, mine.work);
    }
    std::size_t found = 0;
    for (std::size_t i = 0; i < pool.size() && found < wanted; ++i)
      if (allowed.node(graph, Pool::id(pool[i]))) ++found;
    if (found >= wanted || !pool.full()) return true;
    const std::size_t more =
        std::clamp(capacity * wanted / std::max<std::size_t>(found, 1) * 5 / 4, capacity * 5 / 4 + 1, capacity * 4 + 1);
    if (all_cost(graph, static_cast<double>(more)) > exact) return false;
    capacity = more;
    if (keeping) {
      mine.work.pool.widen(capacity, mine.spilled);
    } else {  // fewer than usual: now what falls out of the pool is kept, to go on from
      start(graph, hop, mine, capacity);
      mine.spilled.clear();
    }
    keeping = true;
  }
}

void search_two_hops(const Graph& graph, const Allowed& allowed, Hop& hop, std::size_t ef, Searcher& mine) {
  constexpr std::size_t seeds = 48, first = 12;
  start(graph, hop, mine, first);
  traverse(graph, 0, hop, mine.work);
  std::vector<std::uint32_t>& ids = mine.ids;
  std::vector<std::uint32_t> around;
  for (std::size_t i = 0; i < mine.work.pool.size(); ++i) around.push_back(Pool::id(mine.work.pool[i]));
  Workspace& work = mine.work;
  work.begin(graph, hop);
  work.pool.reset(wider * ef);
  const auto add = [&](std::uint32_t id) {  // an allowed node not seen before
    hop.visited[id] = hop.epoch;
    ids.push_back(id);
  };
  const auto look = [&](std::uint32_t id) {  // its neighbours, and theirs across those not allowed
    const std::size_t n = graph.degree;
    const std::uint32_t* near = graph.neighbours(0, id);
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint32_t one = near[i];
      if (hop.visited[one] == hop.epoch) continue;
      if (allowed.node(graph, one)) {
        add(one);
        continue;
      }
      hop.visited[one] = hop.epoch;
      const std::uint32_t* far = graph.neighbours(0, one);
      for (std::size_t j = 0; j < n; ++j)
        if (hop.visited[far[j]] != hop.epoch && allowed.node(graph, far[j])) add(far[j]);
    }
  };
  const auto take = [&] {
    mine.distances.resize(ids.size() + 16);
    score(graph, hop, ids.data(), ids.size(), mine.distances.data());
    work.counts.scored += ids.size();
    for (std::size_t i = 0; i < ids.size(); ++i)
      work.pool.insert(static_cast<std::uint64_t>(orderable(mine.distances[i])) << 32 | std::uint64_t{ids[i]} << 1);
    ids.clear();
  };
  ids.clear();
  seed(graph, allowed, seeds, hop, ids);
  for (const std::uint32_t id : around) {
    if (hop.visited[id] == hop.epoch) continue;
    if (allowed.node(graph, id)) {
      add(id);
    } else {
      hop.visited[id] = hop.epoch;
      look(id);
    }
  }
  take();
  while (work.pool.more()) {
    ++work.counts.hops;
    look(work.pool.take());
    take();
  }
}

}  // namespace kinspace
