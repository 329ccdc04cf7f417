// Exact search over packed bits: what differs is counted, so there is nothing to bound and nothing to rank again.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "flat/candidates.hpp"
#include "flat/considered.hpp"
#include "flat/counts.hpp"
#include "flat/items.hpp"
#include "flat/metric.hpp"

namespace kinspace {

// m queries of so many bits, given as floats that are 0 or 1.
class Packed {
 public:
  Packed(const float* queries, std::size_t m, std::size_t bits);
  const std::uint8_t* query(std::size_t q) const { return packed_.data() + q * bytes_; }

  const std::size_t m, bits;

 private:
  std::size_t bytes_;
  std::vector<std::uint8_t> packed_;
};

// The k nearest of each query, in order, by the first `bits` of each row. hamming: bits that differ; jaccard: 1 less
// the share, of those set in either, that are set in both, and 0 where none is set. Throws what poll throws,
// std::bad_alloc. tally: what was done, if it is to be told.
std::vector<std::vector<Found>> search_bits(Metric metric, const Packed& queries, const Considered& considered,
                                            std::size_t k, std::size_t threads, Poll poll, Tally* tally = nullptr);

// The distances of one query to n rows.
void bit_distances(Metric metric, const Packed& query, const Parts& parts, const std::int64_t* positions, std::size_t n,
                   double* out);

}  // namespace kinspace
