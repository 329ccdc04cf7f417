// Blocks are searched apart and merged under a lock.
#include "flat/stream.hpp"

#include <algorithm>
#include <cmath>

#include "flat/errors.hpp"
#include "simd/dispatch.hpp"

namespace kinspace {

Stream::Stream(Metric metric, const float* queries, std::size_t m, std::size_t dims, std::size_t k)
    : m_(m), dims_(dims), k_(k), raw_(queries, queries + m * dims), found_(m), tau_(m, -HUGE_VALF) {
  const std::size_t batch = queries_at_once(dims);
  for (std::size_t q = 0; q < m; q += batch)
    batches_.push_back(
        std::make_unique<Queries>(kernels(), metric, raw_.data() + q * dims, std::min(batch, m - q), dims));
}

void Stream::scan(const Considered& block, std::int64_t first, std::size_t threads, Poll poll) {
  std::size_t done = 0;
  Pulse pulse(poll);
  for (const auto& ready : batches_) {
    pulse.beat();
    std::vector<float> floor(ready->m);
    {
      const std::lock_guard lock(merging_);
      std::copy_n(tau_.begin() + static_cast<std::ptrdiff_t>(done), ready->m, floor.begin());
    }
    Search search(*ready, block, k_, floor.data(), threads);
    try {
      search.run(poll);
    } catch (const NotFinite& e) {
      throw NotFinite(first + e.position);
    }
    const std::lock_guard lock(merging_);
    for (std::size_t q = 0; q < ready->m; ++q) {
      std::vector<Found>& all = found_[done + q];
      for (Found row : search.nearest(q)) {
        row.position += first;
        row.rank = static_cast<std::uint64_t>(row.position);
        all.push_back(row);
      }
      if (k_ > 0 && keep_first(all, k_))
        tau_[done + q] = std::max(tau_[done + q], ready->nearness(q, all[k_ - 1].distance));
    }
    done += ready->m;
  }
}

std::vector<std::vector<Found>> Stream::nearest() const {
  const std::lock_guard lock(merging_);
  std::vector<std::vector<Found>> nearest = found_;
  for (std::vector<Found>& found : nearest) std::sort(found.begin(), found.end());
  return nearest;
}

}  // namespace kinspace
