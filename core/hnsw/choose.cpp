// Choosing diverse neighbours.
#include "hnsw/choose.hpp"

#include <algorithm>

namespace kinspace {

constexpr std::size_t few = 6;

// Who is only a little nearer to the node than to one that is kept is kept as well: the graph bears more change.
constexpr float slack = 1.1f;

std::size_t choose(const Graph& graph, const Fine& fine, Chooser& chooser, std::vector<Near>& candidates,
                   std::size_t most) {
  const std::size_t n = candidates.size();
  chooser.out.assign(n, 0);
  std::size_t kept = 0;
  std::vector<std::uint32_t>& ids = chooser.ids;
  for (std::size_t i = 0; i < n && kept < most; ++i) {
    if (chooser.out[i] != 0) continue;
    chooser.out[i] = 2;
    if (++kept == most) break;
    ids.clear();
    chooser.places.clear();
    for (std::size_t j = i + 1; j < n; ++j)
      if (chooser.out[j] == 0) {
        ids.push_back(candidates[j].id);
        chooser.places.push_back(static_cast<std::uint32_t>(j));
      }
    if (ids.empty()) break;
    chooser.distances.resize(ids.size() + 4);
    fine.begin(graph, candidates[i].id, chooser.from);
    fine.distances(graph, chooser.from, ids.data(), ids.size(), chooser.distances.data());
    for (std::size_t j = 0; j < ids.size(); ++j)
      if (chooser.distances[j] * slack <= candidates[chooser.places[j]].distance) chooser.out[chooser.places[j]] = 1;
  }
  // A node whose nearest are all alike would keep one of them: it gets some of the others back.
  for (std::size_t i = 0; i < n && kept < std::min(few, most); ++i)
    if (chooser.out[i] == 1) {
      chooser.out[i] = 2;
      ++kept;
    }
  std::size_t to = 0;
  for (std::size_t i = 0; i < n; ++i)
    if (chooser.out[i] == 2) candidates[to++] = candidates[i];
  candidates.resize(to);
  return to;
}

}  // namespace kinspace
