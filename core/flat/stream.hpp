// The k nearest rows of a column that comes block by block.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "flat/search.hpp"

namespace kinspace {

class Stream {
 public:
  Stream(Metric metric, const float* queries, std::size_t m, std::size_t dims, std::size_t k);

  std::size_t dims() const { return dims_; }
  std::size_t queries() const { return m_; }
  // Considers the rows of one part; row i has id first + i. Any thread, any order.
  void scan(const Considered& block, std::int64_t first, std::size_t threads, Poll poll);
  // The nearest of each query, in order.
  std::vector<std::vector<Found>> nearest() const;

 private:
  std::size_t m_, dims_, k_;
  std::vector<float> raw_;
  std::vector<std::unique_ptr<Queries>> batches_;
  mutable std::mutex merging_;
  std::vector<std::vector<Found>> found_;  // of each query the k nearest, in any order
  std::vector<float> tau_;                 // the nearness that rows of later blocks must reach
};

}  // namespace kinspace
