// Building a graph.
#pragma once
#include <memory>

#include "hnsw/link.hpp"

namespace kinspace {

struct Shape {
  Metric metric;
  std::size_t M, ef_construction;
};

// A graph over these of the rows, ascending. Throws NotFinite, what poll or progress throws, std::bad_alloc.
std::unique_ptr<Graph> build(const Rows& rows, const std::vector<std::uint32_t>& which, const Shape& shape,
                             const Crew& crew);

// Codes of these nodes, whose rows are set and whose memory is there.
void encode(Graph& graph, Fine& fine, const Rows& rows, const std::vector<std::uint32_t>& nodes, const Crew& crew);

}  // namespace kinspace
