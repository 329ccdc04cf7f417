// The nearest rows by way of the graph, then by their exact distances.
#include "hnsw/search.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "hnsw/filter.hpp"
#include "hnsw/traverse.hpp"
#include "simd/dispatch.hpp"

namespace kinspace {
namespace {

constexpr std::size_t step = 12;  // rows whose exact distances are computed together
constexpr float margin = 3;       // errors of a coded distance that a row may yet be nearer by

void add(std::vector<Found>& found, std::size_t k, const Found& one) {
  if (found.size() == k) found.pop_back();
  found.insert(std::upper_bound(found.begin(), found.end(), one), one);
}

// The pool's rows, nearest first, by exact distance, until no row to come is likely to be among the k nearest. Returns
// how many of those seen are allowed.
std::size_t rerank(const Graph& graph, const Rows& rows, const Wanted& wanted, const Allowed& allowed,
                   std::size_t first, Searcher& mine, std::vector<Found>& found) {
  const bool filtered = allowed.filtered() || allowed.exclude >= 0;
  const Pool& pool = mine.work.pool;
  const float error = graph.slack > 0 ? margin * graph.slack * mine.query.length : HUGE_VALF;
  const Room room(rows, step);
  const std::size_t row_bytes = rows.row_bytes();
  std::size_t count = 0;
  mine.work.counts.candidates += pool.size();
  for (std::size_t i = 0; i < pool.size();) {
    if (count >= wanted.k && found.size() == wanted.k &&
        Pool::distance(pool[i]) - error > mine.query.coded(graph.coder, found.back().distance))
      break;
    std::uint32_t ids[step];
    const std::byte* at[step];
    const float* floats[step];
    double exact_of[step];
    std::size_t n = 0;
    for (; n < step && i < pool.size(); ++i) {
      const std::uint32_t id = Pool::id(pool[i]), r = graph.row[id];
      if (r == none || (filtered && !allowed.node(graph, id))) continue;
      at[n] = rows.bytes(r);
      for (std::size_t b = 0; b < row_bytes; b += 64) __builtin_prefetch(at[n] + b);
      ids[n++] = id;
    }
    mine.work.counts.exact += n;
    for (std::size_t j = 0; j < n; ++j) floats[j] = rows.floats(at[j], room.at(j));
    exact_distances(exact(), graph.coder.metric, wanted.query, wanted.squares, floats, n, rows.dims, exact_of);
    for (std::size_t j = 0; j < n; ++j)
      for (std::uint32_t r = graph.row[ids[j]]; r != none; r = graph.next_of(r)) {
        if (filtered && !allowed.row(r)) continue;
        const std::uint64_t rank = wanted.by_position ? first + r : rows.rank(r);
        const Found one{exact_of[j], rank, static_cast<std::int64_t>(first + r)};
        ++count;
        if (found.size() < wanted.k || one < found.back()) {
          add(found, wanted.k, one);
        } else if (count >= wanted.k) {
          break;  // its twins come after it
        }
      }
  }
  return count;
}

// That way; false, and nothing is added, if it finds too few.
bool walk(const Graph& graph, const Rows& rows, const Wanted& wanted, const Allowed& allowed, std::size_t first,
          Way way, std::size_t k, std::size_t ef, Searcher& mine, std::vector<Found>& found, PartTrace* trace) {
  Hop hop{};
  mine.query.raw(graph.coder, wanted.query, wanted.squares, hop);
  const std::vector<Found> others = found;
  const auto ranked = [&] {
    const Since begun(trace != nullptr);
    const bool enough = rerank(graph, rows, wanted, allowed, first, mine, found) >= k;
    if (trace != nullptr) trace->ranking += begun.seconds();
    if (!enough) found = others;
    return enough;
  };
  if (way == Way::two_hops) {
    search_two_hops(graph, allowed, hop, ef, mine);
    return ranked();
  }
  if (!allowed.filtered() || allowed.count * 10 >= graph.rows * 9) {
    start(graph, hop, mine, ef * graph.rows / allowed.count);
    traverse(graph, 0, hop, mine.work);
    if (ranked()) return true;
    if (!allowed.filtered()) return false;
  }
  return search_all(graph, allowed, hop, ef, mine) && ranked();
}

}  // namespace

Searcher& searcher(const Coder& coder) {
  static thread_local std::unique_ptr<Searcher> mine;
  if (mine == nullptr || mine->padded != coder.padded) mine = std::make_unique<Searcher>(coder);
  return *mine;
}

void start(const Graph& graph, Hop& hop, Searcher& mine, std::size_t capacity) {
  Workspace& work = mine.work;
  const std::size_t n = graph.entries.size();
  mine.distances.resize(n + 16);
  work.begin(graph, hop);
  score(graph, hop, graph.entries.data(), n, mine.distances.data());
  work.counts.scored += n;
  const auto nearest = static_cast<std::size_t>(
      std::min_element(mine.distances.begin(), mine.distances.begin() + static_cast<std::ptrdiff_t>(n)) -
      mine.distances.begin());
  work.pool.reset(capacity);
  put(hop, work, graph.entries[nearest], mine.distances[nearest]);
}

float coded_error(const Graph& graph, const Rows& rows, const Wanted& wanted) {
  Searcher& mine = searcher(graph.coder);
  Hop hop{};
  mine.query.raw(graph.coder, wanted.query, wanted.squares, hop);
  start(graph, hop, mine, wanted.ef);
  traverse(graph, 0, hop, mine.work);
  const Pool& pool = mine.work.pool;
  const Room room(rows, 1);
  double sum = 0;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    const float* row = rows.row(graph.row[Pool::id(pool[i])], room.at(0));
    double distance;
    exact_distances(exact(), graph.coder.metric, wanted.query, wanted.squares, &row, 1, rows.dims, &distance);
    const float lost = (Pool::distance(pool[i]) - mine.query.coded(graph.coder, distance)) / mine.query.length;
    sum += std::isfinite(lost) ? static_cast<double>(lost * lost) : 0.0;
  }
  return static_cast<float>(std::sqrt(sum / static_cast<double>(std::max<std::size_t>(pool.size(), 1))));
}

std::size_t traverse_graph(const Graph& graph, const Rows& rows, const Wanted& wanted, const Allowed& allowed,
                           std::size_t capacity, std::vector<Found>& found) {
  Searcher& mine = searcher(graph.coder);
  Hop hop{};
  mine.query.raw(graph.coder, wanted.query, wanted.squares, hop);
  start(graph, hop, mine, capacity);
  traverse(graph, 0, hop, mine.work);
  return rerank(graph, rows, wanted, allowed, 0, mine, found);
}

bool search_graph(const Graph& graph, const Rows& rows, const Wanted& wanted, const Allowed& allowed, std::size_t first,
                  std::vector<Found>& found, std::uint64_t& visited, PartTrace* trace) {
  const std::size_t k = std::min(wanted.k, allowed.count);
  if (k == 0) return true;
  std::size_t ef = std::max(wanted.ef != 0 ? wanted.ef : ef_for(graph, wanted.recall, k), k);
  const Way way = choose_way(graph, allowed, k, ef);
  if (way == Way::exact || graph.entries.empty()) return false;
  ef += (ef * graph.dead() + graph.live - 1) / graph.live;
  Searcher& mine = searcher(graph.coder);
  mine.work.counts = {};
  const bool enough = walk(graph, rows, wanted, allowed, first, way, k, ef, mine, found, trace);
  visited += mine.work.counts.scored;
  if (trace != nullptr) trace->counts += mine.work.counts;
  return enough;
}

std::size_t ef_for(const Graph& graph, float recall, std::size_t k) {
  // Of the curves for several k, the first whose k is not below; beyond the last, in proportion.
  std::size_t of = 0;
  for (const CurvePoint& point : graph.curve)
    if (of < k) of = point.k;
  if (of == 0) return std::max<std::size_t>(64, 2 * k);
  CurvePoint below{0, 0, 0.0f};
  double ef = 0;
  for (const CurvePoint& point : graph.curve) {
    if (point.k != of) continue;
    ef = point.ef;
    if (point.recall >= recall) {
      if (below.ef != 0 && point.recall > below.recall)
        ef = below.ef + (ef - below.ef) * static_cast<double>((recall - below.recall) / (point.recall - below.recall));
      break;
    }
    below = point;
    ef = 2.0 * point.ef;  // more than was ever measured
  }
  if (k > of) ef *= static_cast<double>(k) / static_cast<double>(of);
  return static_cast<std::size_t>(std::min(ef, 1e9)) + 1;
}

}  // namespace kinspace
