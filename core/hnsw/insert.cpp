// Rows come.
#include <algorithm>

#include "hnsw/build.hpp"
#include "hnsw/change.hpp"
#include "hnsw/twins.hpp"

namespace kinspace {
namespace {

// The level of a row's node: l with a chance of M^-l, no higher than there are layers.
std::uint8_t level_of(const Graph& graph, std::uint64_t rank) {
  std::uint64_t dice = mix(~rank);
  std::uint8_t level = 0;
  for (; level < graph.top && dice % graph.M == 0; ++level) dice /= graph.M;
  return level;
}

std::uint32_t add_node(Graph& graph, std::uint8_t level) {
  const std::size_t id = graph.nodes, nodes = id + 1, uppers = graph.upper_count + level;
  graph.codes.grow(nodes * graph.coder.code_bytes());
  graph.records.grow(nodes * graph.record_size());
  graph.upper_records.grow(uppers * graph.upper_size());
  graph.scale.resize(nodes);
  if (graph.coder.factors > 1) graph.norm.resize(nodes);
  graph.level.resize(nodes, level);
  graph.upper.resize(nodes, level > 0 ? static_cast<std::uint32_t>(graph.upper_count) : none);
  graph.row.resize(nodes, none);
  graph.changing->fine.resize(graph, nodes);
  graph.nodes = nodes;
  graph.upper_count = uppers;
  return static_cast<std::uint32_t>(id);
}

// Hangs the row on a node with the same bytes, if there is one.
bool join_twin(Graph& graph, const Rows& rows, std::uint32_t r, std::uint64_t hash) {
  Changing& changing = *graph.changing;
  const auto [begin, end] = changing.nodes.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    const std::uint32_t id = at->second, other = graph.row[id];
    if (!rows.same(r, other)) continue;
    if (graph.next.size() < graph.node.size()) graph.next.resize(graph.node.size(), none);
    const auto last = changing.last.try_emplace(id, other).first;
    std::uint32_t before = last->second;
    if (rows.rank(r) < rows.rank(before)) {  // rare: ranks rise
      before = none;
      for (std::uint32_t after = other; rows.rank(after) < rows.rank(r); after = graph.next[after]) before = after;
    }
    std::uint32_t& link = before == none ? graph.row[id] : graph.next[before];
    graph.next[r] = before == none ? other : graph.next[before];
    link = r;
    if (graph.next[r] == none) last->second = r;
    graph.node[r] = id;
    graph.set_present(r);
    ++graph.rows;
    return true;
  }
  return false;
}

}  // namespace

void make_room(Graph& graph, std::size_t rows) {
  graph.node.resize(rows, none);
  graph.present.resize((rows + 63) / 64, 0);
  if (!graph.next.empty()) graph.next.resize(rows, none);
}

void prepare_change(Graph& graph, const Rows& rows, const Crew& crew) {
  if (graph.changing != nullptr) return;
  auto made = std::make_unique<Changing>();
  made->fine.resize(graph, graph.nodes);
  std::vector<std::uint32_t> nodes, firsts;
  for (std::uint32_t id = 0; id < graph.nodes; ++id)
    if (graph.row[id] != none) {
      nodes.push_back(id);
      firsts.push_back(graph.row[id]);
    }
  encode(graph, made->fine, rows, nodes, crew);
  const std::vector<std::uint64_t> hashes = hash_rows(rows, firsts, crew);
  made->nodes.reserve(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    made->nodes.emplace(hashes[i], nodes[i]);
    std::uint32_t last = firsts[i];
    while (graph.next_of(last) != none) last = graph.next_of(last);
    if (last != firsts[i]) made->last.emplace(nodes[i], last);
  }
  graph.changing = std::move(made);
}

void insert(Graph& graph, const Rows& rows, const std::vector<std::uint32_t>& which, const Crew& crew) {
  prepare_change(graph, rows, crew);
  const std::vector<std::uint64_t> hashes = hash_rows(rows, which, crew);
  std::vector<std::uint32_t> fresh;
  for (std::size_t i = 0; i < which.size(); ++i) {
    const std::uint32_t r = which[i];
    if (join_twin(graph, rows, r, hashes[i])) continue;
    const std::uint32_t id = add_node(graph, level_of(graph, rows.rank(r)));
    graph.row[id] = r;
    graph.node[r] = id;
    graph.set_present(r);
    if (!graph.next.empty()) graph.next[r] = none;
    graph.changing->nodes.emplace(hashes[i], id);
    ++graph.rows;
    ++graph.live;
    for (std::size_t l = 0; l <= graph.level[id]; ++l) graph.set_neighbours(l, id, nullptr, 0);
    fresh.push_back(id);
  }
  encode(graph, graph.changing->fine, rows, fresh, crew);
  std::sort(fresh.begin(), fresh.end(), [&](std::uint32_t a, std::uint32_t b) {
    return mix(rows.rank(graph.row[a])) < mix(rows.rank(graph.row[b]));
  });
  Linker linker(graph, graph.changing->fine, rows, crew);
  for (const std::uint32_t id : fresh) linker.total += graph.level[id] + std::size_t{1};
  for (std::size_t l = 0; l <= graph.top; ++l) {  // from below: those above are ways in, and must lead somewhere
    std::vector<std::uint32_t> here;
    std::copy_if(fresh.begin(), fresh.end(), std::back_inserter(here),
                 [&](std::uint32_t id) { return graph.level[id] >= l; });
    linker.link(l, here, graph.live - fresh.size());
  }
  linker.hold(fresh);
  graph.changing->unattested += fresh.size();
  if (graph.changing->unattested * 128 < graph.live) return;
  graph.changing->unattested = 0;
  linker.relink(live_nodes(graph));
}

}  // namespace kinspace
