// The nearest rows of several parts: each by its graph or exactly, whichever is cheaper, all in one answer.
#pragma once
#include "flat/considered.hpp"
#include "flat/items.hpp"
#include "flat/metric.hpp"
#include "hnsw/filter.hpp"
#include "hnsw/search.hpp"

namespace kinspace {

// A part's graph, or null, and how many of the part's rows are live.
struct GraphOf {
  const Graph* graph = nullptr;
  std::size_t live = 0;
};

struct Asked {
  Metric metric;
  const float* queries;
  std::size_t m, k;
  std::size_t ef;  // 0: by recall
  float recall;    // from 1 on only exactly
  std::size_t threads;
};

// How a part was searched, and why.
struct PartPlan {
  std::size_t allowed = 0;  // rows of it that may be found
  bool graph = false;       // it has one, and was not asked for exactly
  Way way = Way::exact;     // if there are rows allowed
  bool gave_up = false;     // the graph found too few of them, and they were scanned
  std::size_t ef = 0;       // with a graph
  Costs costs{};            // likewise
  PartTrace done;
};

struct Trace {
  std::vector<PartPlan> parts;
  double seconds = 0;       // in all
  double ranking = 0;       // where parts were scanned: of their candidates, by exact distances
  std::size_t threads = 1;  // at most so many at once
};

struct Answer {
  std::vector<std::vector<Found>> found;  // of each query, in order
  bool exact = true;                      // no graph was asked
  std::uint64_t scanned = 0;              // rows that every query was compared with …
  std::vector<std::uint64_t> visited;     // … and where a graph was asked for many, that each was besides
};

// trace: how it was done, if that is to be told.
Answer nearest(const Asked& asked, const Considered& considered, const std::vector<GraphOf>& graphs, Poll poll,
               Trace* trace = nullptr);

}  // namespace kinspace
