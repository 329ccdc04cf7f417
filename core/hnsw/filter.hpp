// Searching when only some rows may be returned: what each way costs, and the ways.
#pragma once
#include "hnsw/allowed.hpp"
#include "hnsw/search.hpp"

namespace kinspace {

enum class Way : std::uint8_t { exact, all, two_hops };

// What each way is taken to cost, in nanoseconds; only their ratios matter.
struct Costs {
  double exact, all, two_hops;
};
Costs costs_of(const Graph& graph, const Allowed& allowed, std::size_t k, std::size_t ef);

// The cheapest way to the k nearest of the allowed rows.
Way choose_way(const Graph& graph, const Allowed& allowed, std::size_t k, std::size_t ef);

// Whether an unfiltered search of that ef costs more than comparing with so many rows.
bool dearer_than_exact(const Graph& graph, std::size_t rows, std::size_t ef);

// Leaves in the pool about ef of the nearest allowed nodes, among others. False if that got too costly: the exact scan
// is cheaper then. `hop` is set, the search not begun.
bool search_all(const Graph& graph, const Allowed& allowed, Hop& hop, std::size_t ef, Searcher& mine);

// Through nodes that are allowed, and those that lie between two of them (Patel et al., ACORN, arXiv:2403.04871).
void search_two_hops(const Graph& graph, const Allowed& allowed, Hop& hop, std::size_t ef, Searcher& mine);

}  // namespace kinspace
