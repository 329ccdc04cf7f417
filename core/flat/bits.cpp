// Blocks of rows against every query, a heap of the k nearest for each.
#include "flat/bits.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "simd/elements.hpp"
#include "simd/kernels.hpp"

namespace kinspace {
namespace {

constexpr std::size_t item_rows = 4096;
static_assert(block_rows == 64);  // of a bitmap's word

struct BitCounts {
  std::uint32_t one[block_rows];    // hamming: bits that differ; jaccard: set in both
  std::uint32_t other[block_rows];  // jaccard: set in either

  void count(Metric metric, const std::uint8_t* query, const std::uint8_t* const* rows, std::size_t n,
             std::size_t bits) {
    if (metric == Metric::hamming) {
      element_kernels().differing(query, rows, n, bits, one);
    } else {
      element_kernels().common(query, rows, n, bits, one, other);
    }
  }
  double distance(Metric metric, std::size_t i) const {
    if (metric == Metric::hamming) return one[i];
    return other[i] == 0 ? 0.0 : 1.0 - static_cast<double>(one[i]) / static_cast<double>(other[i]);
  }
};

const std::uint8_t* row_of(const Rows& rows, std::size_t i) {
  return reinterpret_cast<const std::uint8_t*>(rows.bytes(i));
}

// One thread's k nearest of each query, the farthest of them first.
class Heaps {
 public:
  Heaps(std::size_t m, std::size_t k) : found(m), k_(k) {}

  void offer(std::size_t q, const Found& one) {
    std::vector<Found>& mine = found[q];
    if (mine.size() == k_) {
      if (!(one < mine.front())) return;
      std::pop_heap(mine.begin(), mine.end());
      mine.back() = one;
    } else {
      mine.push_back(one);
    }
    std::push_heap(mine.begin(), mine.end());
  }
  // What is farther than this is no answer.
  double farthest(std::size_t q) const { return found[q].size() < k_ ? HUGE_VAL : found[q].front().distance; }

  std::vector<std::vector<Found>> found;

 private:
  std::size_t k_;
};

// Rows `at` to `end` of part p; returns how many were considered.
std::size_t scan(Metric metric, const Packed& queries, const Considered& considered, std::size_t p, std::size_t at,
                 std::size_t end, Heaps& heaps) {
  const Parts& parts = considered.parts;
  const Part& part = parts.parts[p];
  const std::uint8_t* rows[block_rows];
  std::size_t ids[block_rows];
  BitCounts counts;
  std::size_t seen = 0;
  for (; at < end; at += block_rows) {
    std::size_t n = 0;
    const Chunk run = part.rows->run(at);
    for (std::uint64_t word = considered.word(p, at); word != 0; word &= word - 1, ++n) {
      const auto i = static_cast<std::size_t>(std::countr_zero(word));
      ids[n] = at + i;
      rows[n] = run.begin == nullptr
                    ? row_of(*part.rows, ids[n])
                    : reinterpret_cast<const std::uint8_t*>(run.begin + static_cast<std::ptrdiff_t>(i) * run.stride);
    }
    seen += n;
    for (std::size_t q = 0; q < queries.m; ++q) {
      counts.count(metric, queries.query(q), rows, n, queries.bits);
      double farthest = heaps.farthest(q);
      for (std::size_t i = 0; i < n; ++i) {
        const double distance = counts.distance(metric, i);
        if (distance > farthest) continue;
        const std::size_t position = part.first + ids[i];
        heaps.offer(
            q, {distance, parts.by_position ? position : part.rows->rank(ids[i]), static_cast<std::int64_t>(position)});
        farthest = heaps.farthest(q);
      }
    }
  }
  return seen;
}

}  // namespace

Packed::Packed(const float* queries, std::size_t count, std::size_t length)
    : m(count), bits(length), bytes_((length + 7) / 8), packed_(count * bytes_) {
  for (std::size_t q = 0; q < m; ++q)
    for (std::size_t i = 0; i < bits; ++i)
      if (queries[q * bits + i] != 0.0f) packed_[q * bytes_ + i / 8] |= static_cast<std::uint8_t>(1u << i % 8);
}

std::vector<std::vector<Found>> search_bits(Metric metric, const Packed& queries, const Considered& considered,
                                            std::size_t k, std::size_t threads, Poll poll, Tally* tally) {
  const Parts& parts = considered.parts;
  const std::size_t count = considered.count(), wanted = std::min(k, count);
  std::vector<std::vector<Found>> nearest(queries.m);
  if (wanted == 0 || queries.m == 0) return nearest;
  if (tally != nullptr) tally->visited = count;
  const bool traced = tally != nullptr && tally->parts != nullptr;
  std::vector<std::size_t> items{0};  // before each part
  for (const Part& part : parts.parts) items.push_back(items.back() + (part.rows->n + item_rows - 1) / item_rows);
  const double work = static_cast<double>(count) * static_cast<double>(queries.m * queries.bits) / 32;  // as of floats
  const std::size_t crew = std::min({threads_for(threads, work), items.back(), std::size_t{256}});
  std::vector<Heaps> heaps(crew, Heaps(queries.m, wanted));
  std::vector<std::vector<PartTrace>> traces(traced ? crew : 0, std::vector<PartTrace>(parts.parts.size()));
  for_items(items.back(), crew, poll, [&](std::size_t thread, std::size_t item) {
    const auto p = static_cast<std::size_t>(std::upper_bound(items.begin(), items.end(), item) - items.begin()) - 1;
    const std::size_t at = (item - items[p]) * item_rows;
    const Since begun(traced);
    const std::size_t end = std::min(parts.parts[p].rows->n, at + item_rows);
    const std::size_t seen = scan(metric, queries, considered, p, at, end, heaps[thread]);
    if (!traced) return true;
    traces[thread][p].counts.counted += seen * queries.m;
    traces[thread][p].seconds += begun.seconds();
    return true;
  });
  if (traced) tally->threads = crew;
  for (const std::vector<PartTrace>& mine : traces)
    for (std::size_t p = 0; p < mine.size(); ++p) (*tally->parts)[p] += mine[p];
  for (std::size_t q = 0; q < queries.m; ++q) {
    std::vector<Found>& all = nearest[q];
    for (Heaps& one : heaps) all.insert(all.end(), one.found[q].begin(), one.found[q].end());
    std::sort(all.begin(), all.end());
    if (all.size() > wanted) all.resize(wanted);
  }
  return nearest;
}

void bit_distances(Metric metric, const Packed& query, const Parts& parts, const std::int64_t* positions, std::size_t n,
                   double* out) {
  BitCounts counts;
  for (std::size_t i = 0; i < n; ++i) {
    const auto position = static_cast<std::size_t>(positions[i]);
    const Part& part = parts.part_of(position);
    const std::uint8_t* row = row_of(*part.rows, position - part.first);
    counts.count(metric, query.query(0), &row, 1, query.bits);
    out[i] = counts.distance(metric, 0);
  }
}

}  // namespace kinspace
