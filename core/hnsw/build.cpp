// From rows to a graph: twins, codes, layers from the top down.
#include "hnsw/build.hpp"

#include <algorithm>
#include <atomic>

#include "flat/errors.hpp"
#include "hnsw/calibrate.hpp"
#include "hnsw/order.hpp"
#include "hnsw/twins.hpp"

namespace kinspace {
namespace {

constexpr std::size_t sample_rows = 8192;
constexpr std::size_t least_nodes = 16;  // of a layer

std::size_t entries_for(std::size_t nodes) {
  std::size_t n = 64;
  while (n < 512 && n * n * 64 < nodes) n *= 2;
  return std::min(n, nodes);
}

// Layer l has the first nodes / M^l of the nodes, in their random order. Sets levels, and makes room for records.
std::vector<std::size_t> lay_out(Graph& graph) {
  std::vector<std::size_t> counts{graph.nodes};
  while (counts.back() / graph.M >= least_nodes) counts.push_back(counts.back() / graph.M);
  graph.top = counts.size() - 1;
  graph.level.assign(graph.nodes, 0);
  graph.upper.assign(graph.nodes, none);
  for (std::size_t l = 1; l <= graph.top; ++l)
    for (std::size_t i = 0; i < counts[l]; ++i) ++graph.level[i];
  for (std::size_t i = 0; graph.top > 0 && i < counts[1]; ++i) {
    graph.upper[i] = static_cast<std::uint32_t>(graph.upper_count);
    graph.upper_count += graph.level[i];
  }
  graph.codes.grow(graph.nodes * graph.coder.code_bytes());
  graph.records.grow(graph.nodes * graph.record_size());
  graph.upper_records.grow(graph.upper_count * graph.upper_size());
  graph.scale.resize(graph.nodes);
  graph.norm.resize(graph.coder.factors > 1 ? graph.nodes : 0);
  return counts;
}

std::vector<std::uint32_t> from_to(std::size_t first, std::size_t last) {
  std::vector<std::uint32_t> numbers;
  for (std::size_t i = first; i < last; ++i) numbers.push_back(static_cast<std::uint32_t>(i));
  return numbers;
}

}  // namespace

void encode(Graph& graph, Fine& fine, const Rows& rows, const std::vector<std::uint32_t>& nodes, const Crew& crew) {
  constexpr std::size_t chunk = 64;
  std::vector<Buffer<float>> xs(crew.threads);
  std::atomic<std::int64_t> bad{-1};
  for_items((nodes.size() + chunk - 1) / chunk, crew.threads, crew.poll, [&](std::size_t t, std::size_t item) {
    if (!xs[t]) xs[t] = Buffer<float>(graph.coder.padded);
    float* x = xs[t].data();
    const Room room(rows, 1);
    for (std::size_t i = item * chunk; i < std::min(nodes.size(), (item + 1) * chunk); ++i) {
      const std::uint32_t id = nodes[i];
      if (!graph.coder.prepare(rows.row(graph.row[id], room.at(0)), x)) {
        bad = graph.row[id];
        return false;
      }
      float norm;
      graph.coder.encode(x, graph.codes.data() + id * graph.coder.code_bytes(), &graph.scale[id], &norm);
      if (!graph.norm.empty()) graph.norm[id] = norm;
      fine.set(graph, id, x);
    }
    return true;
  });
  if (bad < 0) return;
  const Room room(rows, 1);
  for (const std::uint32_t id : nodes)  // the first of them, whatever thread was fastest
    if (!graph.coder.prepare(rows.row(graph.row[id], room.at(0)),
                             xs[0] ? xs[0].data() : (xs[0] = Buffer<float>(graph.coder.padded)).data()))
      bad = std::min<std::int64_t>(bad, graph.row[id]);
  throw NotFinite(bad);
}

std::unique_ptr<Graph> build(const Rows& rows, const std::vector<std::uint32_t>& which, const Shape& shape,
                             const Crew& crew) {
  auto made = std::make_unique<Graph>();
  Graph& graph = *made;
  graph.M = shape.M;
  graph.ef_construction = shape.ef_construction;
  graph.degree = (2 * shape.M + 15) / 16 * 16;
  graph.upper_degree = (shape.M + 15) / 16 * 16;
  graph.coder = Coder(shape.metric, rows.dims);
  graph.node.assign(rows.n, none);
  graph.rows = which.size();
  graph.present.assign((rows.n + 63) / 64, 0);
  for (const std::uint32_t r : which) graph.set_present(r);
  if (which.empty()) return made;

  graph.row = find_twins(graph, rows, which, hash_rows(rows, which, crew));
  graph.nodes = graph.live = graph.built = graph.row.size();
  std::sort(graph.row.begin(), graph.row.end(), [](std::uint32_t a, std::uint32_t b) { return mix(a) < mix(b); });
  const auto sampled = static_cast<std::ptrdiff_t>(std::min(graph.nodes, sample_rows));
  graph.coder.learn(rows, {graph.row.begin(), graph.row.begin() + sampled});
  const std::vector<std::size_t> counts = lay_out(graph);
  Fine fine;
  fine.resize(graph, graph.nodes);
  encode(graph, fine, rows, from_to(0, graph.nodes), crew);
  for (std::uint32_t id = 0; id < graph.nodes; ++id)
    for (std::size_t l = 0; l <= graph.level[id]; ++l) graph.set_neighbours(l, id, nullptr, 0);

  graph.entry = 0;
  graph.entries = from_to(0, entries_for(graph.nodes));
  Linker linker(graph, fine, rows, crew);
  for (const std::size_t count : counts) linker.total += count;
  linker.link_all(graph.top, from_to(0, counts[graph.top]));
  for (std::size_t l = graph.top; l-- > 0;) {
    for (std::uint32_t id = 0; id < counts[l + 1]; ++id)
      graph.set_neighbours(l, id, graph.neighbours(l + 1, id), graph.count(l + 1, id));
    const std::size_t held = l == 0 ? held_out(graph.nodes) : 0, end = counts[l] - held;
    linker.link(l, from_to(counts[l + 1], end), counts[l + 1]);
    if (held == 0) continue;
    const std::vector<std::uint32_t> last = from_to(end, counts[l]);
    calibrate(graph, rows, last, crew);
    linker.link(l, last, end);
  }
  linker.relink(from_to(0, graph.nodes));
  if (crew.progress.tell != nullptr) crew.progress.tell(crew.progress.context, linker.total, linker.total);
  renumber(graph);
  for (std::uint32_t id = 0; id < graph.nodes; ++id)
    for (std::uint32_t r = graph.row[id]; r != none; r = graph.next_of(r)) graph.node[r] = id;
  return made;
}

}  // namespace kinspace
