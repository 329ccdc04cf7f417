// Pruning by bounds, then by exact distances.
#include "flat/candidates.hpp"

namespace kinspace {

void Candidates::prune() {
  if (pending_.size() > k_) {
    const auto kth = pending_.begin() + static_cast<std::ptrdiff_t>(k_) - 1;
    std::nth_element(pending_.begin(), kth, pending_.end(),
                     [](const Candidate& a, const Candidate& b) { return a.lower > b.lower; });
    raise(kth->lower);
  }
  std::erase_if(pending_, [tau = tau_](const Candidate& c) { return c.upper < tau; });
}

void Candidates::tighten(const Queries& queries, std::size_t q, const Parts& parts) {
  prune();
  if (pending_.size() > limit_ / 2) resolve(queries, q, parts);
  look_ = std::min(limit_, 2 * std::max(pending_.size(), k_) + 32);
}

std::vector<Found>& Candidates::resolve(const Queries& queries, std::size_t q, const Parts& parts) {
  prune();
  const std::size_t n = pending_.size();
  found_.reserve(found_.size() + n);
  for (std::size_t i = 0; i < n; ++i) {
    if (i + 1 < n) {
      const float* next = parts.row(static_cast<std::size_t>(pending_[i + 1].position));
      for (std::size_t d = 0; d < queries.dims; d += 16) __builtin_prefetch(next + d);
    }
    const auto position = static_cast<std::size_t>(pending_[i].position);
    found_.push_back({queries.distance(q, parts.row(position)), parts.rank(position), pending_[i].position});
  }
  pending_.clear();
  if (k_ > 0 && keep_first(found_, k_)) raise(queries.nearness(q, found_[k_ - 1].distance));
  return found_;
}

void Candidates::merge(Candidates& other) {
  raise(other.tau_);
  pending_.insert(pending_.end(), other.pending_.begin(), other.pending_.end());
  found_.insert(found_.end(), other.found_.begin(), other.found_.end());
}

}  // namespace kinspace
