// Rows with the same bytes: one node stands for all of them, so that they can't trap a search.
#pragma once
#include "flat/mix.hpp"
#include "hnsw/link.hpp"

namespace kinspace {

// A hash of each of these rows' bytes.
std::vector<std::uint64_t> hash_rows(const Rows& rows, const std::vector<std::uint32_t>& which, const Crew& crew);

// Of these rows: those that are the first, by rank, of their bytes, ascending. `next` of the graph chains the others to
// them, by rank.
std::vector<std::uint32_t> find_twins(Graph& graph, const Rows& rows, const std::vector<std::uint32_t>& which,
                                      const std::vector<std::uint64_t>& hashes);

}  // namespace kinspace
