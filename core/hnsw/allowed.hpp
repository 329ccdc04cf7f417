// Which rows of one part a search may return.
#pragma once
#include <cstddef>
#include <cstdint>

#include "hnsw/graph.hpp"

namespace kinspace {

struct Allowed {
  const std::uint64_t* live = nullptr;  // bitmaps of rows, or null for all
  const std::uint64_t* mask = nullptr;
  std::int64_t exclude = -1;
  std::size_t count = 0;  // rows of the graph that are allowed
  bool coded = false;     // the part has a plane: comparing its rows exactly costs less

  bool filtered() const { return live != nullptr || mask != nullptr; }
  bool row(std::uint32_t r) const {
    if (live != nullptr && (live[r / 64] >> r % 64 & 1) == 0) return false;
    if (mask != nullptr && (mask[r / 64] >> r % 64 & 1) == 0) return false;
    return r != exclude;
  }
  // Whether any of a node's rows is.
  bool node(const Graph& graph, std::uint32_t id) const {
    for (std::uint32_t r = graph.row[id]; r != none; r = graph.next_of(r))
      if (row(r)) return true;
    return false;
  }
};

}  // namespace kinspace
