// Work items, shared pruning, the final ranking.
#include "flat/search.hpp"

#include <bit>
#include <cmath>
#include <optional>

#include "flat/bits.hpp"
#include "flat/errors.hpp"
#include "simd/dispatch.hpp"

namespace kinspace {
namespace {

constexpr std::size_t worth_planes = 400;  // rows: for fewer, quantizing the query costs more than it saves (measured)
constexpr std::size_t cache_bytes = std::size_t{256} << 10;

// Rows of one work item: a full list, smaller where that is much work, larger where few rows are considered.
std::size_t rows_per_item(const Queries& queries, std::size_t n, std::size_t count) {
  constexpr std::size_t most_work = std::size_t{32} << 20;
  const std::size_t rows = std::clamp(most_work / (queries.dims * queries.m), block_rows, RowList::capacity);
  const std::size_t sparse = std::clamp<std::size_t>(n / std::max<std::size_t>(count, 1), 1, 4096);
  return rows / 64 * 64 * sparse;
}

}  // namespace

Search::Search(const Queries& queries, const Considered& considered, std::size_t k, const float* floor,
               std::size_t threads, bool traced)
    : queries_(queries),
      considered_(considered),
      count_(considered.count()),
      floor_(floor),
      traced_(traced),
      nearest_(queries.m) {
  const Parts& parts = considered.parts;
  const std::size_t count = count_;
  k_ = std::min(k, count);
  if (k_ == 0 || queries.m == 0) return;
  all_ = k_ == count && (floor == nullptr || std::all_of(floor, floor + queries.m, [](float f) { return f < -1e38f; }));
  item_rows_ = rows_per_item(queries, parts.n, count);
  items_.reserve(parts.parts.size() + 1);
  items_.push_back(0);
  for (const Part& part : parts.parts) items_.push_back(items_.back() + (part.rows->n + item_rows_ - 1) / item_rows_);
  const double work = static_cast<double>(count) * static_cast<double>(queries.dims * queries.m);
  threads_ = std::min({threads_for(threads, work), items_.back(), std::size_t{256}});
  cached_ = count * queries.dims * sizeof(float) <= cache_bytes;
  workers_.resize(threads_);
  if (traced) traces_.resize(threads_);
  planes_.resize(parts.parts.size());
  for (std::size_t p = 0; p < planes_.size() && !all_ && count >= worth_planes; ++p)
    if (parts.parts[p].plane != nullptr) planes_[p] = std::make_unique<PlaneQueries>(*parts.parts[p].plane, queries);
  if (threads_ == 1) return;
  tau_ = std::vector<std::atomic<float>>(queries.m);
  for (std::size_t q = 0; q < queries.m; ++q) tau_[q] = floor != nullptr ? floor[q] : -HUGE_VALF;
}

void Search::run(Poll poll) {
  if (items_.empty()) return;
  for_items(items_.back(), threads_, poll, [this](std::size_t thread, std::size_t item) { return scan(thread, item); });
  for (const auto& worker : workers_)
    if (worker != nullptr && worker->bad >= 0) fail(worker->bad, poll);
  const Since begun(traced_);
  const double work = static_cast<double>(queries_.m) * static_cast<double>(k_ * queries_.dims);
  for_items(queries_.m, threads_for(0, work) == 1 ? 1 : threads_, poll, [this](std::size_t, std::size_t q) {
    rank(q);
    return true;
  });
  if (traced_) ranking_ = begun.seconds();
}

bool Search::scan(std::size_t thread, std::size_t item) {
  if (workers_[thread] == nullptr) {
    workers_[thread] = std::make_unique<Worker>(queries_, considered_.parts, k_, cached_);
    for (std::size_t q = 0; floor_ != nullptr && q < queries_.m; ++q) workers_[thread]->candidates[q].raise(floor_[q]);
    for (std::size_t q = 0; traced_ && q < queries_.m; ++q)
      workers_[thread]->candidates[q].resolved.resize(considered_.parts.parts.size());
  }
  const auto p = static_cast<std::size_t>(std::upper_bound(items_.begin(), items_.end(), item) - items_.begin()) - 1;
  const std::size_t at = (item - items_[p]) * item_rows_;
  if (!traced_) return scan(thread, p, at);
  traces_[thread].resize(considered_.parts.parts.size());
  PartTrace& trace = traces_[thread][p];
  const Since begun(true);
  const bool going = scan(thread, p, at);
  trace.seconds += begun.seconds();
  trace.counts += std::exchange(workers_[thread]->counts, {});
  return going;
}

// The rows of part p from `at` on that one work item has.
bool Search::scan(std::size_t thread, std::size_t p, std::size_t at) {
  Worker& worker = *workers_[thread];
  share(worker);
  const std::size_t end = std::min(considered_.parts.parts[p].rows->n, at + item_rows_);
  const bool tiles = !queries_.tiles.empty() && planes_[p] != nullptr && worker.planes.dearer_than_tiles(end - at);
  if (planes_[p] != nullptr && at < planes_[p]->plane.n && !tiles) {
    const std::size_t coded = std::min(end, planes_[p]->plane.n);
    worker.planes.scan(considered_, p, *planes_[p], at, coded);
    at = coded;
  }
  if (at < end) scan_rows(worker, p, at, end);
  return worker.bad < 0;
}

void Search::scan_rows(Worker& worker, std::size_t p, std::size_t at, std::size_t end) {
  const Part& part = considered_.parts.parts[p];
  RowList list;
  while (at < end && worker.bad < 0) {
    list.fill(considered_, p, at, end, worker.room);
    if (all_) {
      worker.collect(part, list);
    } else {
      share(worker);
      worker.compare(part, list);
    }
  }
}

// What one thread has found raises the bar for all.
void Search::share(Worker& worker) {
  for (std::size_t q = 0; q < tau_.size(); ++q) {
    const float mine = worker.candidates[q].tau();
    float best = tau_[q].load(std::memory_order_relaxed);
    if (best >= mine) {
      worker.candidates[q].raise(best);
    } else {
      while (best < mine && !tau_[q].compare_exchange_weak(best, mine, std::memory_order_relaxed)) {
      }
    }
  }
}

void Search::rank(std::size_t q) {
  Candidates* merged = nullptr;
  for (const auto& worker : workers_) {
    if (worker == nullptr) continue;
    if (merged == nullptr) {
      merged = &worker->candidates[q];
    } else {
      merged->merge(worker->candidates[q]);
    }
  }
  std::vector<Found>& found = merged->resolve(queries_, q, considered_.parts);
  std::sort(found.begin(), found.end());
  nearest_[q] = std::move(found);
}

void Search::trace(Tally& tally) const {
  std::vector<PartTrace>& parts = *tally.parts;
  parts.resize(considered_.parts.parts.size());
  for (const std::vector<PartTrace>& mine : traces_)
    for (std::size_t p = 0; p < mine.size(); ++p) parts[p] += mine[p];
  for (const auto& worker : workers_)
    for (std::size_t q = 0; worker != nullptr && q < queries_.m; ++q)
      for (std::size_t p = 0; p < worker->candidates[q].resolved.size(); ++p)
        parts[p].counts.exact += worker->candidates[q].resolved[p];
  tally.ranking += ranking_;
  tally.threads = std::max(tally.threads, threads_);
}

// Names the first considered row that is not finite; `position` is one of them.
void Search::fail(std::int64_t position, Poll poll) const {
  const Parts& parts = considered_.parts;
  const Room room(parts, 1);
  Pulse pulse(poll);
  for (std::size_t p = 0; p < parts.parts.size(); ++p)
    for (std::size_t at = 0; at < parts.parts[p].rows->n; at += 64) {
      pulse.beat();
      for (std::uint64_t word = considered_.word(p, at); word != 0; word &= word - 1) {
        const std::size_t row = at + static_cast<std::size_t>(std::countr_zero(word));
        if (!queries_.kernels.finite(parts.parts[p].rows->row(row, room.at(0)), parts.dims))
          throw NotFinite(static_cast<std::int64_t>(parts.parts[p].first + row));
      }
    }
  throw NotFinite(position);
}

// A guess of how far the k-th row is from each query: as far as that of a sample of the rows is which corresponds to
// it, and some more. Whether it was enough is seen afterwards.
std::vector<double> guess(const Queries& queries, const Considered& considered, std::size_t k, std::size_t threads,
                          Poll poll, Tally* tally) {
  constexpr std::size_t stride = 4;  // words, of which one has a block in the sample
  const double share = 1.0 / (stride * 64.0 / plane_rows), wanted = static_cast<double>(k) * share;
  std::vector<std::vector<std::uint64_t>> bits;
  Considered sample{considered.parts, {}, considered.exclude};
  for (std::size_t p = 0; p < considered.parts.parts.size(); ++p) {
    const std::size_t n = considered.parts.parts[p].rows->n;
    std::vector<std::uint64_t>& some = bits.emplace_back((n + 63) / 64);
    for (std::size_t w = 0; w < some.size(); w += stride) some[w] = considered.word(p, w * 64) & 0xffff;
    sample.masks.push_back(some.data());
  }
  const auto rank = static_cast<std::size_t>(wanted + 3 * std::sqrt(wanted)) + 2;
  const bool traced = tally != nullptr && tally->parts != nullptr;
  Search search(queries, sample, rank, nullptr, threads, traced);
  search.run(poll);
  if (traced) {
    std::vector<PartTrace> sampled;
    Tally of_sample{0, &sampled};
    search.trace(of_sample);
    for (std::size_t p = 0; p < sampled.size(); ++p) {
      (*tally->parts)[p].sampled += sampled[p].counts.rows();
      (*tally->parts)[p].seconds += sampled[p].seconds;
    }
  }
  std::vector<double> far(queries.m, HUGE_VAL);
  for (std::size_t q = 0; q < queries.m; ++q) {
    const std::vector<Found> found = search.nearest(q);
    if (found.size() == rank) far[q] = found.back().distance;
  }
  return far;
}

// With k in the dozens most of a plane's rows that have to be looked at are those that come before it is known how near
// the k-th is: worth a guess, for few queries (measured).
bool worth_a_guess(const Considered& considered, std::size_t k, std::size_t m) {
  constexpr std::size_t least_k = 32, least_rows = 16'384, rows_per_hit = 100;
  std::size_t coded = 0;
  for (const Part& part : considered.parts.parts) {
    if (part.plane == nullptr) continue;
    if (part.plane->sketch) return false;  // which ranks by something else than distance
    coded += part.plane->n;
  }
  return m <= plane_queries && k >= least_k && coded >= std::max(least_rows, rows_per_hit * k) &&
         considered.count() >= coded / 2;
}

std::vector<std::vector<Found>> search(Metric metric, const float* queries, std::size_t m, const Considered& considered,
                                       std::size_t k, std::size_t threads, Poll poll, Tally* tally) {
  const std::size_t dims = considered.parts.dims, batch = queries_at_once(dims);
  const bool traced = tally != nullptr && tally->parts != nullptr;
  if (traced) tally->parts->resize(considered.parts.parts.size());
  if (over_bits(metric)) return search_bits(metric, Packed(queries, m, dims), considered, k, threads, poll, tally);
  std::vector<std::vector<Found>> nearest;
  nearest.reserve(m);
  std::optional<Pulse> pulse;
  if (m > batch) pulse.emplace(poll);
  for (std::size_t first = 0; first < m; first += batch) {
    if (pulse) pulse->beat();
    const Queries ready(kernels(), metric, queries + first * dims, std::min(batch, m - first), dims);
    std::vector<double> far;
    std::vector<float> floor;
    if (worth_a_guess(considered, k, ready.m)) {
      far = guess(ready, considered, k, threads, poll, tally);
      for (std::size_t q = 0; q < ready.m; ++q)
        floor.push_back(far[q] < HUGE_VAL ? ready.nearness(q, far[q]) : -HUGE_VALF);
    }
    Search one(ready, considered, k, floor.empty() ? nullptr : floor.data(), threads, traced);
    one.run(poll);
    if (tally != nullptr) tally->visited = one.visited();
    if (traced) one.trace(*tally);
    bool enough = true;
    for (std::size_t q = 0; q < ready.m; ++q) {
      nearest.push_back(one.nearest(q));
      // Every row that is not farther than the guess was kept: with k of them, the answer is right.
      const std::vector<Found>& found = nearest.back();
      enough =
          enough && (floor.empty() || floor[q] == -HUGE_VALF || (found.size() == k && found.back().distance <= far[q]));
    }
    if (enough) continue;
    nearest.resize(first);
    Search again(ready, considered, k, nullptr, threads, traced);
    again.run(poll);
    if (traced) again.trace(*tally);
    for (std::size_t q = 0; q < ready.m; ++q) nearest.push_back(again.nearest(q));
  }
  return nearest;
}

}  // namespace kinspace
