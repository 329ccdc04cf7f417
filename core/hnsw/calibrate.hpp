// Measuring which ef reaches which recall.
#pragma once
#include "hnsw/link.hpp"

namespace kinspace {

// How many nodes are held out of a graph of so many to measure with; 0 when it is too small to matter.
std::size_t held_out(std::size_t nodes);

// Sets the curve: searches for these nodes' rows, none of which is linked yet, against the exact answer among the rows
// that are. `rows` of the graph's nodes are set, also of those held out.
void calibrate(Graph& graph, const Rows& rows, const std::vector<std::uint32_t>& held, const Crew& crew);

}  // namespace kinspace
