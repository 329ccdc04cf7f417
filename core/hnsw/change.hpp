// Changing a graph: rows come, rows go.
#pragma once
#include <unordered_map>

#include "hnsw/link.hpp"

namespace kinspace {

// What changing takes and searching does not.
struct Changing {
  Fine fine;
  std::unordered_multimap<std::uint64_t, std::uint32_t> nodes;  // by the hash of their rows' bytes
  std::unordered_map<std::uint32_t, std::uint32_t> last;        // row of a node that has several
  std::size_t unattested = 0;  // nodes linked since it was made sure that all can be reached
  std::size_t bytes() const { return fine.bytes() + nodes.size() * 48; }
};

// Makes what changing needs, if it is not there; `rows` holds all the graph's.
void prepare_change(Graph& graph, const Rows& rows, const Crew& crew);

// Whether so many more rows are better met by building anew.
inline bool outgrown(const Graph& graph, std::size_t more) {
  return graph.live == 0 || graph.live + more >= 2 * graph.built;
}

// Makes room for so many rows, those there are included.
void make_room(Graph& graph, std::size_t rows);

// Links rows that the graph has room for and does not have, in random order; they are finite. After an exception some
// are not linked: bury them.
void insert(Graph& graph, const Rows& rows, const std::vector<std::uint32_t>& which, const Crew& crew);

// From now on no search returns these rows; the graph does not look at them again.
void bury(Graph& graph, const Rows& rows, const std::vector<std::uint32_t>& gone);

// Whether so many nodes are dead that the graph is better built anew. Until then they lead searches on, so that recall
// does not suffer; repairing the neighbourhoods of the dead (Singh et al., FreshDiskANN, arXiv:2105.09613) cost more of
// it.
inline bool worn(const Graph& graph) { return graph.dead() * 4 > graph.live; }

// A graph over other rows from one that has most of them: moved[old row] is the row's number there, or none.
std::unique_ptr<Graph> moved(const Graph& graph, const Rows& rows, const std::vector<std::uint32_t>& moved);

// The rows the graph has, and the nodes that have rows, ascending.
std::vector<std::uint32_t> rows_of(const Graph& graph);
std::vector<std::uint32_t> live_nodes(const Graph& graph);

}  // namespace kinspace
