// One thread's pass over a plane: rows that 4 bits can't rule out are looked at in 8, and become candidates.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "flat/candidates.hpp"
#include "flat/considered.hpp"
#include "flat/counts.hpp"
#include "flat/plane_queries.hpp"

namespace kinspace {

class PlaneScan {
 public:
  // candidates: of each query. counts: added to.
  PlaneScan(const Queries& queries, const Parts& parts, std::vector<Candidates>& candidates, Counts& counts);

  // Rows at…end of part p, as far as they are considered; at is a multiple of 64, end too unless it is the last.
  void scan(const Considered& considered, std::size_t p, const PlaneQueries& ready, std::size_t at, std::size_t end);
  // Whether the next scan of so many rows had better be of their floats, for many queries: as when little is known yet,
  // or rows are all alike, so that too many are left.
  bool dearer_than_tiles(std::size_t rows);

 private:
  void begin(const PlaneQueries& ready);
  void sift(const PlaneQueries& ready, std::size_t row, std::uint32_t bits);
  void take(std::size_t row, std::uint64_t bits, std::size_t q);
  void sort();
  void fetch(const PlaneQueries& ready, std::size_t from, std::size_t to) const;
  void look(const PlaneQueries& ready, std::size_t first);

  const Queries& queries_;
  const Parts& parts_;
  std::vector<Candidates>& candidates_;
  Counts& counts_;
  std::vector<Sieve> sieves_;
  struct Hit {
    std::uint32_t row, q;
  };
  std::vector<Hit> hits_, sorted_;
  std::vector<std::size_t> starts_;  // of each query's hits
  bool tried_ = false;
  std::size_t waiting_ = 0, looked_ = 0;  // hits of the last scan
};

}  // namespace kinspace
