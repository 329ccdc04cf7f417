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
  constexpr std::size_t step = 8;  // rows at once, fetched while those before them are summed
  const std::size_t n = pending_.size();
  if (n > step)  // memory likes ascending addresses
    std::sort(pending_.begin(), pending_.end(),
              [](const Candidate& a, const Candidate& b) { return a.position < b.position; });
  found_.reserve(found_.size() + n);
  const Room room(parts, step);
  struct Fetched {
    const Rows* rows;
    const std::byte* at;
  } fetched[2][step];
  const auto fetch = [&](std::size_t from, Fetched* into) {
    for (std::size_t i = from; i < std::min(n, from + step); ++i, ++into) {
      const auto position = static_cast<std::size_t>(pending_[i].position);
      const Part& part = parts.part_of(position);
      if (!resolved.empty()) ++resolved[static_cast<std::size_t>(&part - parts.parts.data())];
      *into = {part.rows, part.rows->bytes(position - part.first)};
      for (std::size_t b = 0; b < part.rows->row_bytes(); b += 64) __builtin_prefetch(into->at + b);
    }
  };
  fetch(0, fetched[0]);
  for (std::size_t from = 0; from < n; from += step) {
    const std::size_t turn = from / step % 2;
    fetch(from + step, fetched[1 - turn]);
    double distances[step];
    const float* rows[step];
    const std::size_t count = std::min(step, n - from);
    for (std::size_t i = 0; i < count; ++i) rows[i] = fetched[turn][i].rows->floats(fetched[turn][i].at, room.at(i));
    queries.distances(q, rows, count, distances);
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t position = pending_[from + i].position;
      found_.push_back({distances[i], parts.rank(static_cast<std::size_t>(position)), position});
    }
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
