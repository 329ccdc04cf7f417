// Best-first search of a layer (Malkov and Yashunin, arXiv:1603.09320, algorithm 2).
#pragma once
#include "hnsw/workspace.hpp"

namespace kinspace {

// Expands the pool's nodes, nearest first, until all of them are.
void traverse(const Graph& graph, std::size_t layer, const Hop& hop, Workspace& work);

// The same on layer 0, and what the pool has no room for is kept.
void traverse_keeping(const Graph& graph, const Hop& hop, Workspace& work, std::vector<std::uint64_t>& spilled);

// The node to begin at to find neighbours for `self` on a layer: greedily down from the top, past itself. `hop` is
// begun anew.
std::uint32_t descend(const Graph& graph, std::size_t layer, std::uint32_t self, Hop& hop, Workspace& work);

// Distances of nodes by their own factors.
void score(const Graph& graph, const Hop& hop, const std::uint32_t* ids, std::size_t n, float* out);

// Puts a node into the pool, and marks it.
inline void put(const Hop& hop, Workspace& work, std::uint32_t id, float distance) {
  hop.visited[id] = hop.epoch;
  work.pool.insert(static_cast<std::uint64_t>(orderable(distance)) << 32 | std::uint64_t{id} << 1);
}

}  // namespace kinspace
