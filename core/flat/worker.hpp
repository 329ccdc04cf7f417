// One thread's share of a search: compares lists of rows with every query and keeps the candidates.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "flat/buffer.hpp"
#include "flat/candidates.hpp"
#include "flat/counts.hpp"
#include "flat/plane_scan.hpp"
#include "flat/queries.hpp"
#include "flat/row_list.hpp"

namespace kinspace {

class Worker {
 public:
  // cached: the rows are few enough to be found in the cache.
  Worker(const Queries& queries, const Parts& parts, std::size_t k, bool cached);

  // Compares every row of list, which are of that part, in float; what may be near becomes a candidate.
  void compare(const Part& part, const RowList& list);

  // Every row of list is an answer: takes their exact distances.
  void collect(const Part& part, const RowList& list);

  Widened room;                        // for the lists of rows to compare
  Counts counts;                       // of what was done so far
  std::vector<Candidates> candidates;  // of each query
  PlaneScan planes;                    // for parts that have one
  std::int64_t bad = -1;               // a row that is not finite: its position. The answer is void then

 private:
  struct Block;
  void prepare(const Part& part, Block& block);
  void compare_tiles(const Block& block);
  void compare_singles(Block& block);
  void sum_single(const Block& block, std::size_t q, std::size_t from, std::size_t n, float* s);
  void prepare_sift(const Block& block);
  float sift_tau(std::size_t q) const;
  void consider(std::size_t q, const Bounds& bounds, float s, float norm, std::size_t position);
  void admit(std::size_t q, double lower, double upper, std::size_t position);

  const Queries& queries_;
  const Parts& parts_;
  std::size_t ahead_;  // rows to fetch ahead when there is one query
  Buffer<float> tile_out_, single_out_;
  Buffer<std::uint32_t> hits_;
  alignas(64) float norm_[block_rows] = {};
  alignas(64) float s_[block_rows] = {};
  alignas(64) float mul_[block_rows] = {};
  alignas(64) float add_[block_rows] = {};
};

}  // namespace kinspace
