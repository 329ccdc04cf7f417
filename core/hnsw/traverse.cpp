// Walking the graph.
#include "hnsw/traverse.hpp"

namespace kinspace {
namespace {

inline void fetch(const std::uint8_t* at, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += 64) __builtin_prefetch(at + i);
}

}  // namespace

void traverse(const Graph& graph, std::size_t layer, const Hop& begun, Workspace& work) {
  Hop hop = begun;
  hop.degree = graph.places(layer);
  const auto expand = code_kernels().expand[static_cast<std::size_t>(hop.kind)];
  const std::size_t bytes = record_bytes(hop.degree, hop.factors);
  std::size_t hops = 0, scored = 0;
  Pool& pool = work.pool;
  while (pool.more()) {
    fetch(graph.record(layer, pool.second()), bytes);
    const std::uint32_t id = pool.take();
    const Expanded n = expand(hop, graph.record(layer, id), pool.limit(), work.found.data());
    ++hops;
    scored += n.scored;
    for (std::size_t i = 0; i < n.near; ++i) pool.insert(work.found[i]);
    if (pool.more()) fetch(graph.record(layer, pool.nearest()), bytes);
  }
  work.counts.hops += hops;
  work.counts.scored += scored;
}

void traverse_keeping(const Graph& graph, const Hop& begun, Workspace& work, std::vector<std::uint64_t>& spilled) {
  Hop hop = begun;
  hop.degree = graph.degree;
  const auto expand = code_kernels().expand[static_cast<std::size_t>(hop.kind)];
  Pool& pool = work.pool;
  while (pool.more()) {
    const std::uint32_t id = pool.take();
    const Expanded n = expand(hop, graph.record(0, id), HUGE_VALF, work.found.data());
    ++work.counts.hops;
    work.counts.scored += n.scored;
    for (std::size_t i = 0; i < n.near; ++i) {
      const bool full = pool.full();
      if (!pool.insert(work.found[i])) {
        spilled.push_back(work.found[i]);
      } else if (full) {
        spilled.push_back(pool[pool.size()]);
      }
    }
    if (pool.more()) fetch(graph.record(0, pool.nearest()), graph.record_size());
  }
}

void score(const Graph& graph, const Hop& hop, const std::uint32_t* ids, std::size_t n, float* out) {
  const auto kernel = code_kernels().score[static_cast<std::size_t>(hop.kind)];
  for (std::size_t i = 0; i < n; i += 16) {
    std::uint16_t scales[16] = {}, norms[16] = {};
    const std::size_t count = n - i < 16 ? n - i : 16;
    for (std::size_t j = 0; j < count; ++j) {
      scales[j] = upper_half(graph.scale[ids[i + j]]);
      if (!graph.norm.empty()) norms[j] = upper_half(graph.norm[ids[i + j]]);
    }
    float distances[16];
    kernel(hop, ids + i, scales, norms, count, distances);
    for (std::size_t j = 0; j < count; ++j) out[i + j] = distances[j];
  }
}

std::uint32_t descend(const Graph& graph, std::size_t layer, std::uint32_t self, Hop& hop, Workspace& work) {
  std::uint32_t id = graph.entry;
  for (std::size_t above = graph.top; above > layer; --above) {
    work.begin(graph, hop);
    work.pool.reset(1);
    float distance;
    score(graph, hop, &id, 1, &distance);
    put(hop, work, id, distance);
    hop.visited[self] = hop.epoch;
    traverse(graph, above, hop, work);
    id = Pool::id(work.pool[0]);
  }
  return id;
}

}  // namespace kinspace
