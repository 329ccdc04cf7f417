// Searching a graph for one query.
#pragma once
#include "flat/candidates.hpp"
#include "hnsw/allowed.hpp"
#include "hnsw/workspace.hpp"

namespace kinspace {

// A thread's means to search.
struct Searcher {
  explicit Searcher(const Coder& coder) : padded(coder.padded), query(coder) {}
  std::size_t padded;
  CodeQuery query;
  Workspace work;
  std::vector<std::uint32_t> ids;
  std::vector<float> distances;
  std::vector<std::uint64_t> spilled;
};

// This thread's own, fit for the coder.
Searcher& searcher(const Coder& coder);

// Begins a search of layer 0 at the nearest of the entries, with a pool of that capacity.
void start(const Graph& graph, Hop& hop, Searcher& mine, std::size_t capacity);

struct Wanted {
  const float* query;
  double squares;  // of the query
  std::size_t k;
  std::size_t ef;  // 0: what the graph measured for `recall`
  float recall;
  bool by_position = false;  // ties go by position, not by the rows' own rank
};

// Adds the k nearest of the allowed rows to found, which holds at most k others, in order; a row's position is first +
// its number. False, and nothing is added, when the exact scan is the cheaper way, or the only one to find k. visited:
// added to is how many nodes were compared; trace, if it is not null, likewise.
bool search_graph(const Graph& graph, const Rows& rows, const Wanted& wanted, const Allowed& allowed, std::size_t first,
                  std::vector<Found>& found, std::uint64_t& visited, PartTrace* trace = nullptr);

// The same by the graph whatever it costs, unfiltered, with a pool of that capacity; returns how many rows it came to.
std::size_t traverse_graph(const Graph& graph, const Rows& rows, const Wanted& wanted, const Allowed& allowed,
                           std::size_t capacity, std::vector<Found>& found);

// The root mean square error of coded distances around this query, for a query of length 1.
float coded_error(const Graph& graph, const Rows& rows, const Wanted& wanted);

// The ef that reached the recall for this k where it was measured.
std::size_t ef_for(const Graph& graph, float recall, std::size_t k);

}  // namespace kinspace
