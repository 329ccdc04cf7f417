// The rows that may still be among the k nearest of one query, in bounded memory.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "flat/queries.hpp"
#include "flat/rows.hpp"

namespace kinspace {

// A row whose exact distance is known. Ordered nearest first, equal distances by rank.
struct Found {
  double distance;
  std::uint64_t rank;
  std::int64_t position;
  bool operator<(const Found& other) const {
    if (distance != other.distance) return distance < other.distance;
    if (rank != other.rank) return rank < other.rank;
    return position < other.position;
  }
};

// Keeps the k first, in any order; true if the last of them is at [k - 1].
inline bool keep_first(std::vector<Found>& found, std::size_t k) {
  if (found.size() < k) return false;
  std::nth_element(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(k) - 1, found.end());
  found.resize(k);
  return true;
}

// A row whose nearness (greater is nearer) lies between two bounds.
struct Candidate {
  float lower, upper;
  std::int64_t position;
};

class Candidates {
 public:
  explicit Candidates(std::size_t k) : k_(k), limit_(std::max<std::size_t>(4 * k, 1024)), look_(k + 1) {
    pending_.reserve(std::min<std::size_t>(2 * k + 32, 128));
  }

  float tau() const { return tau_; }  // rows whose upper bound is below are out
  void raise(float tau) { tau_ = std::max(tau_, tau); }

  // True when it is time to tighten.
  bool add(float lower, float upper, std::int64_t position) {
    if (!(upper < tau_)) pending_.push_back({lower, upper, position});
    return pending_.size() >= look_;
  }

  void settle(const Found& found) { found_.push_back(found); }

  // Raises tau to the k-th greatest lower bound and drops what falls below; if too many are left (equal vectors, say)
  // their exact distances decide.
  void tighten(const Queries& queries, std::size_t q, const Parts& parts);
  // All candidates to exact distances: the k nearest among them, in any order.
  std::vector<Found>& resolve(const Queries& queries, std::size_t q, const Parts& parts);
  void merge(Candidates& other);

  std::vector<std::uint64_t> resolved;  // of each part, rows brought to exact distances: counted unless it is empty

 private:
  void prune();

  std::size_t k_, limit_;
  std::size_t look_;  // tighten when this many are pending
  float tau_ = -HUGE_VALF;
  std::vector<Candidate> pending_;
  std::vector<Found> found_;
};

}  // namespace kinspace
