// Batches.
#include "hnsw/link.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "hnsw/order.hpp"
#include "hnsw/traverse.hpp"

namespace kinspace {

struct Linker::Thread {
  Thread(const Coder& coder, const Rows& rows) : x(coder.padded), room(rows, 1), query(coder) {}
  Buffer<float> x;
  Room room;
  CodeQuery query;
  Workspace work;
  Chooser chooser;
  Fine::From from;
  std::vector<Near> near;
  std::vector<std::uint32_t> ids;
  std::vector<float> distances;

  // near: ids with their distances from a node, nearest first, itself left out.
  void rank(const Graph& graph, const Fine& fine, std::uint32_t id) {
    ids.erase(std::remove(ids.begin(), ids.end(), id), ids.end());
    distances.resize(ids.size() + 4);
    fine.begin(graph, id, from);
    fine.distances(graph, from, ids.data(), ids.size(), distances.data());
    near.clear();
    for (std::size_t i = 0; i < ids.size(); ++i) near.push_back({distances[i], ids[i]});
    std::sort(near.begin(), near.end());
  }
  // The others of a batch, which no search has found yet, as far as they are among the `most` nearest. Ranked before.
  void add(const Graph& graph, const Fine& fine, std::span<const std::uint32_t> batch, std::size_t own,
           std::size_t most) {
    distances.resize(batch.size() + 4);
    fine.distances(graph, from, batch.data(), batch.size(), distances.data());
    const float limit = near.size() < most ? HUGE_VALF : near.back().distance;
    const std::size_t before = near.size();
    for (std::size_t i = 0; i < batch.size(); ++i)
      if (i != own && distances[i] < limit) near.push_back({distances[i], batch[i]});
    if (near.size() == before) return;
    std::sort(near.begin(), near.end());
    const auto same = [](const Near& a, const Near& b) { return a.id == b.id; };
    near.erase(std::unique(near.begin(), near.end(), same), near.end());
    if (near.size() > most) near.resize(most);
  }
  void take(std::size_t n) {
    ids.clear();
    for (std::size_t i = 0; i < n; ++i) ids.push_back(near[i].id);
  }
};

Linker::Linker(Graph& graph, const Fine& fine, const Rows& rows, const Crew& crew)
    : graph_(graph), fine_(fine), rows_(rows), crew_(crew), mine_(crew.threads) {}

Linker::~Linker() = default;

Linker::Thread& Linker::thread(std::size_t i) {
  if (mine_[i] == nullptr) mine_[i] = std::make_unique<Thread>(graph_.coder, rows_);
  return *mine_[i];
}

// The nearest nodes of the layer that are not `id`, by the node's own row.
void Linker::search(std::size_t layer, std::uint32_t id, Thread& mine) {
  Hop hop{};
  graph_.coder.prepare(rows_.row(graph_.row[id], mine.room.at(0)), mine.x.data());
  mine.query.row(graph_.coder, mine.x.data(), hop);
  const std::uint32_t from = descend(graph_, layer, id, hop, mine.work);
  mine.work.begin(graph_, hop);
  mine.work.pool.reset(graph_.ef_construction);
  float distance;
  score(graph_, hop, &from, 1, &distance);
  put(hop, mine.work, from, distance);
  hop.visited[id] = hop.epoch;
  traverse(graph_, layer, hop, mine.work);
  mine.ids.clear();
  for (std::size_t i = 0; i < mine.work.pool.size(); ++i) {
    const std::uint32_t one = Pool::id(mine.work.pool[i]);
    if (graph_.row[one] != none) mine.ids.push_back(one);
  }
}

void Linker::link(std::size_t layer, const std::vector<std::uint32_t>& nodes, std::size_t there) {
  constexpr std::size_t share = 8, least = 32, largest = 1024;
  std::vector<std::vector<std::uint32_t>> chosen;
  std::vector<std::uint64_t> pairs;
  for (std::size_t first = 0; first < nodes.size();) {
    const std::size_t size =
        std::min(nodes.size() - first, std::clamp((there + first) / share, std::min(least, there + first), largest));
    chosen.resize(size);
    for_items(size, crew_.threads, crew_.poll, [&](std::size_t t, std::size_t i) {
      Thread& mine = thread(t);
      const std::uint32_t id = nodes[first + i];
      search(layer, id, mine);
      mine.rank(graph_, fine_, id);
      mine.add(graph_, fine_, {nodes.data() + first, size}, i, graph_.ef_construction);
      mine.take(choose(graph_, fine_, mine.chooser, mine.near, graph_.M));
      chosen[i] = mine.ids;
      return true;
    });
    pairs.clear();
    for (std::size_t i = 0; i < size; ++i) {
      graph_.set_neighbours(layer, nodes[first + i], chosen[i].data(), chosen[i].size());
      for (const std::uint32_t to : chosen[i]) pairs.push_back(std::uint64_t{to} << 32 | nodes[first + i]);
    }
    link_back(layer, pairs);
    first += size;
    done += size;
    if (crew_.progress.tell != nullptr) crew_.progress.tell(crew_.progress.context, done, total);
  }
}

void Linker::link_back(std::size_t layer, std::vector<std::uint64_t>& pairs) {
  std::sort(pairs.begin(), pairs.end());
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < pairs.size(); ++i)
    if (i == 0 || pairs[i] >> 32 != pairs[i - 1] >> 32) starts.push_back(i);
  starts.push_back(pairs.size());
  const std::size_t most = graph_.most(layer);
  for_items(starts.size() - 1, crew_.threads, crew_.poll, [&](std::size_t t, std::size_t g) {
    Thread& mine = thread(t);
    const auto target = static_cast<std::uint32_t>(pairs[starts[g]] >> 32);
    const std::uint32_t* old = graph_.neighbours(layer, target);
    mine.ids.assign(old, old + graph_.count(layer, target));
    for (std::size_t i = starts[g]; i < starts[g + 1]; ++i) {
      const auto one = static_cast<std::uint32_t>(pairs[i]);
      if (std::find(mine.ids.begin(), mine.ids.end(), one) == mine.ids.end()) mine.ids.push_back(one);
    }
    if (mine.ids.size() > most) {
      mine.rank(graph_, fine_, target);
      mine.take(choose(graph_, fine_, mine.chooser, mine.near, most));
    }
    graph_.set_neighbours(layer, target, mine.ids.data(), mine.ids.size());
    return true;
  });
}

void Linker::hold(const std::vector<std::uint32_t>& nodes) {
  Thread& mine = thread(0);
  const std::size_t most = graph_.most(0);
  for (const std::uint32_t id : nodes) {
    const std::uint32_t* near = graph_.neighbours(0, id);
    const std::size_t n = graph_.count(0, id);
    const auto names = [&](std::uint32_t one) {
      const std::uint32_t* theirs = graph_.neighbours(0, one);
      return std::find(theirs, theirs + graph_.degree, id) != theirs + graph_.degree;
    };
    if (n == 0 || std::any_of(near, near + n, names)) continue;
    const auto* roomy = std::find_if(near, near + n, [&](std::uint32_t one) { return graph_.count(0, one) < most; });
    const std::uint32_t to = roomy == near + n ? near[0] : *roomy;
    const std::uint32_t* theirs = graph_.neighbours(0, to);
    mine.ids.assign(theirs, theirs + graph_.count(0, to));
    if (mine.ids.size() == most) mine.ids.pop_back();
    mine.ids.push_back(id);
    graph_.set_neighbours(0, to, mine.ids.data(), mine.ids.size());
  }
}

void Linker::relink(const std::vector<std::uint32_t>& nodes) {
  Thread& mine = thread(0);
  std::vector<std::uint8_t> reached = reachable(graph_);
  for (const std::uint32_t id : nodes) {
    if (reached[id] != 0) continue;
    search(0, id, mine);
    const std::size_t most = graph_.most(0);
    const auto from = std::find_if(mine.ids.begin(), mine.ids.end(),
                                   [&](std::uint32_t one) { return reached[one] != 0 && graph_.count(0, one) < most; });
    if (from == mine.ids.end()) {
      graph_.entries.push_back(id);
    } else {
      const std::uint32_t to = *from, *old = graph_.neighbours(0, to);
      mine.ids.assign(old, old + graph_.count(0, to));
      mine.ids.push_back(id);
      graph_.set_neighbours(0, to, mine.ids.data(), mine.ids.size());
    }
    reach(graph_, {id}, reached);
  }
}

void Linker::link_all(std::size_t layer, const std::vector<std::uint32_t>& nodes) {
  std::vector<std::vector<std::uint32_t>> chosen(nodes.size());
  for_items(nodes.size(), crew_.threads, crew_.poll, [&](std::size_t t, std::size_t i) {
    Thread& mine = thread(t);
    mine.ids = nodes;
    mine.rank(graph_, fine_, nodes[i]);
    if (mine.near.size() > graph_.ef_construction) mine.near.resize(graph_.ef_construction);
    mine.take(choose(graph_, fine_, mine.chooser, mine.near, graph_.M));
    chosen[i] = mine.ids;
    return true;
  });
  std::vector<std::uint64_t> pairs;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    graph_.set_neighbours(layer, nodes[i], chosen[i].data(), chosen[i].size());
    for (const std::uint32_t to : chosen[i]) pairs.push_back(std::uint64_t{to} << 32 | nodes[i]);
  }
  link_back(layer, pairs);
  done += nodes.size();
  if (crew_.progress.tell != nullptr) crew_.progress.tell(crew_.progress.context, done, total);
}

}  // namespace kinspace
