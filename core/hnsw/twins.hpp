// Rows with the same bytes: one node stands for all of them, so that they can't trap a search.
#pragma once
#include "hnsw/link.hpp"

namespace kinspace {

// A well mixed 64-bit number for each number (Steele et al., SplitMix, OOPSLA 2014).
inline std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

// A hash of each of these rows' bytes.
std::vector<std::uint64_t> hash_rows(const Rows& rows, const std::vector<std::uint32_t>& which, const Crew& crew);

// Of these rows: those that are the first, by rank, of their bytes, ascending. `next` of the graph chains the others to
// them, by rank.
std::vector<std::uint32_t> find_twins(Graph& graph, const Rows& rows, const std::vector<std::uint32_t>& which,
                                      const std::vector<std::uint64_t>& hashes);

}  // namespace kinspace
