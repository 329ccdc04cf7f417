// The nearest rows of several parts: each by its graph or exactly, whichever is cheaper, all in one answer.
#pragma once
#include "flat/considered.hpp"
#include "flat/items.hpp"
#include "flat/metric.hpp"
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

struct Answer {
  std::vector<std::vector<Found>> found;  // of each query, in order
  bool exact = true;                      // no graph was asked
};

Answer nearest(const Asked& asked, const Considered& considered, const std::vector<GraphOf>& graphs, Poll poll);

}  // namespace kinspace
