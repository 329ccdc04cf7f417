// A graph as plain arrays, to be written and read by others.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hnsw/graph.hpp"

namespace kinspace {

// One array of it: two-dimensional where columns > 0.
struct StoredArray {
  const char* name;
  char kind;  // 'u' or 'f'
  int size;   // bytes of an item
  std::size_t rows, columns;
  const void* data;
};

// Points into the graph and into `scratch`.
std::vector<StoredArray> stored(const Graph& graph, std::vector<std::vector<std::uint64_t>>& scratch);

// The graph again, over the same rows. Every number in the arrays is checked: std::invalid_argument says what is wrong.
std::unique_ptr<Graph> restore(const std::vector<StoredArray>& arrays, const Rows& rows);

}  // namespace kinspace
