// Breadth-first walks.
#include "hnsw/order.hpp"

#include <cstring>

namespace kinspace {
namespace {

template <class T>
void permute(std::vector<T>& of, const std::vector<std::uint32_t>& old) {
  std::vector<T> moved(old.size());
  for (std::size_t i = 0; i < old.size(); ++i) moved[i] = of[old[i]];
  of = std::move(moved);
}

Huge permuted(const Huge& of, std::size_t size, const std::vector<std::uint32_t>& old) {
  Huge moved(of.size());
  for (std::size_t i = 0; i < old.size(); ++i) std::memcpy(moved.data() + i * size, of.data() + old[i] * size, size);
  return moved;
}

}  // namespace

std::vector<std::uint8_t> reachable(const Graph& graph) {
  std::vector<std::uint8_t> reached(graph.nodes, 0);
  reach(graph, graph.entries, reached);
  return reached;
}

void reach(const Graph& graph, std::vector<std::uint32_t> from, std::vector<std::uint8_t>& reached) {
  for (const std::uint32_t id : from) reached[id] = 1;
  while (!from.empty()) {
    const std::uint32_t id = from.back();
    from.pop_back();
    const std::uint32_t* near = graph.neighbours(0, id);
    for (std::size_t i = 0; i < graph.degree; ++i)
      if (reached[near[i]] == 0) {
        reached[near[i]] = 1;
        from.push_back(near[i]);
      }
  }
}

void renumber(Graph& graph) {
  std::vector<std::uint32_t> old, now(graph.nodes, none);  // old[new id], now[old id]
  old.reserve(graph.nodes);
  const auto reach = [&](std::uint32_t id) {
    if (now[id] != none) return;
    now[id] = static_cast<std::uint32_t>(old.size());
    old.push_back(id);
  };
  for (std::uint32_t start = 0, at = 0; start < graph.nodes; ++start) {
    reach(start == 0 ? graph.entry : start);
    for (; at < old.size(); ++at) {
      const std::uint32_t id = old[at];
      const std::size_t n = graph.count(0, id);
      for (std::size_t i = 0; i < n; ++i) reach(graph.neighbours(0, id)[i]);
    }
  }
  for (std::uint32_t id = 0; id < graph.nodes; ++id)
    for (std::size_t l = 0; l <= graph.level[id]; ++l) {
      auto* ids = reinterpret_cast<std::uint32_t*>(graph.record(l, id));
      for (std::size_t i = 0; i < graph.places(l); ++i) ids[i] = now[ids[i]];
    }
  graph.codes = permuted(graph.codes, graph.coder.code_bytes(), old);
  graph.records = permuted(graph.records, graph.record_size(), old);
  permute(graph.scale, old);
  if (!graph.norm.empty()) permute(graph.norm, old);
  permute(graph.level, old);
  permute(graph.upper, old);
  permute(graph.row, old);
  graph.entry = now[graph.entry];
  for (std::uint32_t& id : graph.entries) id = now[id];
}

}  // namespace kinspace
