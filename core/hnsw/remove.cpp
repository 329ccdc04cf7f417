// Rows go.
#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

#include "hnsw/change.hpp"
#include "hnsw/order.hpp"
#include "hnsw/traverse.hpp"
#include "hnsw/twins.hpp"

namespace kinspace {
namespace {

void forget(Changing& changing, std::uint64_t hash, std::uint32_t id) {
  const auto [begin, end] = changing.nodes.equal_range(hash);
  for (auto at = begin; at != end; ++at)
    if (at->second == id) {
      changing.nodes.erase(at);
      return;
    }
}

template <class T>
void copy_bytes(T& to, const T& from, std::size_t bytes) {
  to.grow(bytes);
  if (bytes != 0) std::memcpy(to.data(), from.data(), bytes);
}

}  // namespace

std::vector<std::uint32_t> rows_of(const Graph& graph) {
  std::vector<std::uint32_t> rows;
  rows.reserve(graph.rows);
  for (std::uint32_t r = 0; r < graph.node.size(); ++r)
    if (graph.node[r] != none) rows.push_back(r);
  return rows;
}

std::vector<std::uint32_t> live_nodes(const Graph& graph) {
  std::vector<std::uint32_t> nodes;
  nodes.reserve(graph.live);
  for (std::uint32_t id = 0; id < graph.nodes; ++id)
    if (graph.row[id] != none) nodes.push_back(id);
  return nodes;
}

void bury(Graph& graph, const Rows& rows, const std::vector<std::uint32_t>& gone) {
  const std::vector<std::uint64_t> hashes =
      graph.changing == nullptr ? std::vector<std::uint64_t>{} : hash_rows(rows, gone, {1, nullptr, {}});
  std::vector<std::pair<std::uint32_t, std::uint64_t>> nodes;  // with their rows' hash
  for (std::size_t i = 0; i < gone.size(); ++i) {
    const std::uint32_t r = gone[i];
    if (r >= graph.node.size() || graph.node[r] == none) continue;
    nodes.emplace_back(graph.node[r], hashes.empty() ? 0 : hashes[i]);
    graph.node[r] = none;
    graph.present[r / 64] &= ~(std::uint64_t{1} << r % 64);
    --graph.rows;
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  for (const auto& [id, hash] : nodes) {
    std::uint32_t first = none, last = none;
    for (std::uint32_t r = graph.row[id], after = none; r != none; r = after) {
      after = graph.next_of(r);
      if (!graph.next.empty()) graph.next[r] = none;
      if (graph.node[r] == none) continue;
      (last == none ? first : graph.next[last]) = r;
      last = r;
    }
    graph.row[id] = first;
    if (first == none) --graph.live;
    if (graph.changing == nullptr) continue;
    if (first == last) {
      graph.changing->last.erase(id);
    } else {
      graph.changing->last[id] = last;
    }
    if (first == none) forget(*graph.changing, hash, id);
  }
}

std::unique_ptr<Graph> moved(const Graph& graph, const Rows& rows, const std::vector<std::uint32_t>& to) {
  auto made = std::make_unique<Graph>();
  Graph& other = *made;
  other.coder = graph.coder;
  other.M = graph.M;
  other.ef_construction = graph.ef_construction;
  other.degree = graph.degree;
  other.upper_degree = graph.upper_degree;
  other.nodes = graph.nodes;
  copy_bytes(other.codes, graph.codes, graph.nodes * graph.coder.code_bytes());
  copy_bytes(other.records, graph.records, graph.nodes * graph.record_size());
  copy_bytes(other.upper_records, graph.upper_records, graph.upper_count * graph.upper_size());
  other.scale = graph.scale;
  other.norm = graph.norm;
  other.level = graph.level;
  other.upper = graph.upper;
  other.upper_count = graph.upper_count;
  other.top = graph.top;
  other.entry = graph.entry;
  other.entries = graph.entries;
  other.built = graph.built;
  other.curve = graph.curve;
  other.slack = graph.slack;
  other.row.assign(graph.nodes, none);
  other.node.assign(rows.n, none);
  other.present.assign((rows.n + 63) / 64, 0);
  if (!graph.next.empty()) other.next.assign(rows.n, none);
  for (std::uint32_t id = 0; id < graph.nodes; ++id) {
    std::vector<std::uint32_t> here;
    for (std::uint32_t r = graph.row[id]; r != none; r = graph.next_of(r))
      if (to[r] != none) here.push_back(to[r]);
    if (here.empty()) continue;
    std::sort(here.begin(), here.end(), [&](std::uint32_t a, std::uint32_t b) { return rows.rank(a) < rows.rank(b); });
    other.row[id] = here.front();
    ++other.live;
    other.rows += here.size();
    for (std::size_t i = 0; i < here.size(); ++i) {
      other.node[here[i]] = id;
      other.set_present(here[i]);
      if (i + 1 < here.size()) other.next[here[i]] = here[i + 1];
    }
  }
  return made;
}

}  // namespace kinspace
