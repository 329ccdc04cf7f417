// One search over parts by one or more threads: the exact k nearest rows of every query.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "flat/considered.hpp"
#include "flat/counts.hpp"
#include "flat/items.hpp"
#include "flat/plane_queries.hpp"
#include "flat/queries.hpp"
#include "flat/worker.hpp"

namespace kinspace {

class Search {
 public:
  // floor: a nearness for each query that rows must reach, or null. threads = 0 chooses by the size of the work.
  // traced: what is done is kept for trace().
  Search(const Queries& queries, const Considered& considered, std::size_t k, const float* floor, std::size_t threads,
         bool traced = false);

  // Throws NotFinite, what poll throws, std::bad_alloc.
  void run(Poll poll);
  // The nearest of query q, in order.
  std::vector<Found> nearest(std::size_t q) { return std::move(nearest_[q]); }
  // Rows that each query is compared with.
  std::size_t visited() const { return items_.empty() ? 0 : count_; }
  // Adds what was done.
  void trace(Tally& tally) const;

 private:
  bool scan(std::size_t thread, std::size_t item);
  bool scan(std::size_t thread, std::size_t p, std::size_t at);
  void scan_rows(Worker& worker, std::size_t p, std::size_t at, std::size_t end);
  void share(Worker& worker);
  void rank(std::size_t q);
  [[noreturn]] void fail(std::int64_t position, Poll poll) const;

  const Queries& queries_;
  const Considered& considered_;
  std::size_t k_, count_;
  const float* floor_;
  bool traced_;
  bool all_ = false;  // every considered row is an answer: no need to compare in float
  bool cached_ = false;
  std::size_t threads_ = 1;

  std::vector<std::size_t> items_;  // work items before each part
  std::size_t item_rows_ = 0;
  std::vector<std::unique_ptr<PlaneQueries>> planes_;  // of each part, or null
  std::vector<std::atomic<float>> tau_;                // the greatest of any thread; empty for one thread
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::vector<Found>> nearest_;
  std::vector<std::vector<PartTrace>> traces_;  // of each thread, of each part
  double ranking_ = 0;                          // seconds
};

// Queries whose packed form stays in a core's own cache while rows stream by.
inline std::size_t queries_at_once(std::size_t dims) {
  return std::max<std::size_t>(96, (std::size_t{512} << 10) / (dims * sizeof(float)) / 48 * 48);
}

// The k nearest of each query, in order. tally: what was done, if it is to be told.
std::vector<std::vector<Found>> search(Metric metric, const float* queries, std::size_t m, const Considered& considered,
                                       std::size_t k, std::size_t threads, Poll poll, Tally* tally = nullptr);

}  // namespace kinspace
