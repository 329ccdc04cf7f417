// Exact search over parts.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "flat/metric.hpp"
#include "flat/rows.hpp"
#include "flat/topk.hpp"

namespace kinspace {

struct Part {
  const Rows* rows;
  const std::uint64_t* live;  // bitmap or null
  std::size_t first;          // global position of row 0
};

struct Scan {
  std::vector<Part> parts;
  std::size_t n = 0, dims = 0;
  Metric metric = Metric::cosine;
  bool by_position = true;  // no part has an order: ties go by position

  std::vector<std::vector<Found>> search(const float* queries, std::size_t m, std::size_t k,
                                         const std::vector<const std::uint64_t*>& masks, std::int64_t exclude,
                                         const std::function<void()>& poll) const;
  double distance(const float* query, double query_ss, std::size_t position) const;
};

double exact_distance(Metric metric, const float* query, double query_ss, const float* row, std::size_t dims);

}  // namespace kinspace
