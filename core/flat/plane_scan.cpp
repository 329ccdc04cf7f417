// Blocks, sieves, survivors.
#include "flat/plane_scan.hpp"

#include <algorithm>
#include <bit>

namespace kinspace {
namespace {

constexpr std::size_t ahead = 16;        // codes of rows that are fetched before they are looked at
constexpr std::size_t blocks_ahead = 1;  // likewise
// With fewer rows of a block considered than this, each is read in 8 bits at once (measured).
constexpr std::size_t few_alone = 4, few_together = 2;
// Looking at a row in 8 bits costs as much as so many dimensions of it save beside floats in tiles (measured).
constexpr std::size_t dims_of_look = 4500;
constexpr std::size_t patience = 3;  // calls that floats take once they are cheaper

}  // namespace

PlaneScan::PlaneScan(const Queries& queries, const Parts& parts, std::vector<Candidates>& candidates, Counts& counts)
    : queries_(queries), parts_(parts), candidates_(candidates), counts_(counts), sieves_(queries.m) {}

void PlaneScan::scan(const Considered& considered, std::size_t p, const PlaneQueries& ready, std::size_t at,
                     std::size_t end) {
  begin(ready);
  std::size_t many = 48 * queries_.m, coded = 0;
  const std::size_t few = queries_.m < plane_queries ? few_alone : few_together;
  for (at = considered.next(p, at, end); at < end; at = considered.next(p, at + 64, end)) {
    std::uint64_t word = considered.word(p, at);
    const std::size_t considering = bits_set(word);
    coded += considering;
    if (considering < few) {  // as mostly when few rows are allowed
      for (std::size_t q = 0; q < queries_.m; ++q) take(at, word, q);
      continue;
    }
    for (std::size_t row = at; word != 0; row += plane_rows, word >>= plane_rows) {
      const auto bits = static_cast<std::uint32_t>(word & 0xffff);
      if (bits == 0) continue;
      if (hits_.size() >= many) {  // as while little is known: what they tell makes the rest fewer
        look(ready, considered.parts.parts[p].first);
        begin(ready);
        many = 256 * queries_.m;
      }
      if (bits_set(bits) >= few) {
        sift(ready, row, bits);
      } else {
        for (std::size_t q = 0; q < queries_.m; ++q) take(row, bits, q);
      }
    }
  }
  look(ready, considered.parts.parts[p].first);
  counts_.coded += coded * queries_.m;
}

bool PlaneScan::dearer_than_tiles(std::size_t rows) {
  if (waiting_ > 0) {
    --waiting_;
    return true;
  }
  const bool dear = !tried_ || looked_ * dims_of_look > rows * queries_.m * queries_.dims;
  looked_ = 0;
  tried_ = true;
  if (dear) waiting_ = patience;
  return dear;
}

void PlaneScan::begin(const PlaneQueries& ready) {
  for (std::size_t q = 0; q < queries_.m; ++q) sieves_[q] = ready.sieve4(q, candidates_[q].tau());
  hits_.clear();
}

void PlaneScan::sift(const PlaneQueries& ready, std::size_t row, std::uint32_t bits) {
  const Plane& plane = ready.plane;
  const PlaneKernels& kernels = plane_kernels();
  const std::uint8_t* block = plane.block(row);
  const std::size_t next = plane_block_bytes(plane.width) * blocks_ahead;
  for (std::size_t q = 0; q < queries_.m; q += plane_queries) {
    const std::size_t count = std::min(plane_queries, queries_.m - q);
    const std::int8_t* codes[plane_queries];
    for (std::size_t j = 0; j < count; ++j) codes[j] = ready.code4(q + j);
    alignas(64) std::int32_t sums[plane_queries * plane_rows];
    kernels.sums4(block, q == 0 ? block + next : nullptr, ready.lines, codes, count, sums);
    for (std::size_t j = 0; j < count; ++j) {
      const std::uint32_t kept = kernels.sift(sums + plane_rows * j, sieves_[q + j], plane.scale4 + row,
                                              plane.error4 + row, plane.norm + row, ready.stretch(row)) &
                                 bits;
      if (kept != 0) take(row, kept, q + j);
    }
  }
}

// Puts rows on the list of those to look at.
void PlaneScan::take(std::size_t row, std::uint64_t bits, std::size_t q) {
  for (; bits != 0; bits &= bits - 1) {
    const std::size_t one = row + static_cast<std::size_t>(std::countr_zero(bits));
    hits_.push_back({static_cast<std::uint32_t>(one), static_cast<std::uint32_t>(q)});
  }
}

// Query after query: those of one are looked at together.
void PlaneScan::sort() {
  if (queries_.m == 1) return;
  starts_.assign(queries_.m + 1, 0);
  for (const Hit& hit : hits_) ++starts_[hit.q + 1];
  for (std::size_t q = 0; q < queries_.m; ++q) starts_[q + 1] += starts_[q];
  sorted_.resize(hits_.size());
  for (const Hit& hit : hits_) sorted_[starts_[hit.q]++] = hit;
  hits_.swap(sorted_);
}

// Has the codes of some of them fetched.
void PlaneScan::fetch(const PlaneQueries& ready, std::size_t from, std::size_t to) const {
  for (std::size_t h = from; h < std::min(hits_.size(), to); ++h) {
    const std::size_t row = hits_[h].row;
    const std::int8_t* code = ready.plane.code8(row);
    for (std::size_t d = 0; d < ready.padded; d += 64) __builtin_prefetch(code + d);
    __builtin_prefetch(ready.plane.scale8 + row);
    __builtin_prefetch(ready.plane.error8 + row);
    __builtin_prefetch(ready.plane.norm + row);
  }
}

void PlaneScan::look(const PlaneQueries& ready, std::size_t first) {
  const Plane& plane = ready.plane;
  looked_ += hits_.size();
  counts_.looked += hits_.size();
  sort();
  std::size_t fetched = 0, candidates = 0;
  for (std::size_t h = 0; h < hits_.size();) {
    fetch(ready, fetched, h + plane_rows + ahead);
    fetched = h + plane_rows + ahead;
    const std::size_t q = hits_[h].q;
    const std::int8_t* codes[plane_rows];
    alignas(64) std::int32_t sums[plane_rows] = {};
    alignas(64) float scale[plane_rows] = {}, error[plane_rows] = {}, norm[plane_rows] = {}, stretch[plane_rows] = {};
    std::size_t n = 0;
    for (; n < plane_rows && h + n < hits_.size() && hits_[h + n].q == q; ++n) {
      const std::size_t row = hits_[h + n].row;
      codes[n] = plane.code8(row);
      scale[n] = plane.scale8[row];
      error[n] = plane.error8[row];
      norm[n] = plane.norm[row];
      stretch[n] = ready.stretch(row)[0];
    }
    Candidates& mine = candidates_[q];
    plane_kernels().sums8(ready.code8(q), ready.padded, codes, n, sums);
    const std::uint32_t kept = plane_kernels().sift(sums, ready.sieve8(q, mine.tau()), scale, error, norm, stretch);
    const std::uint32_t near = kept & ((1u << n) - 1);
    candidates += bits_set(near);
    for (std::uint32_t left = near; left != 0; left &= left - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(left));
      const std::size_t row = hits_[h + i].row;
      float lower, upper;
      ready.bounds(q, row, sums[i], lower, upper);
      if (mine.add(lower, upper, static_cast<std::int64_t>(first + row))) mine.tighten(queries_, q, parts_);
    }
    h += n;
  }
  counts_.candidates += candidates;
}

}  // namespace kinspace
