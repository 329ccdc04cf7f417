// Walks over all of layer 0: which nodes can be reached, and numbering them so that neighbours lie near in memory.
#pragma once
#include "hnsw/graph.hpp"

namespace kinspace {

// For every node, whether a search from the entries can come to it.
std::vector<std::uint8_t> reachable(const Graph& graph);
// Marks what can be reached from these as well.
void reach(const Graph& graph, std::vector<std::uint32_t> from, std::vector<std::uint8_t>& reached);

// Breadth first from the entry; rows' nodes are left to the caller.
void renumber(Graph& graph);

}  // namespace kinspace
