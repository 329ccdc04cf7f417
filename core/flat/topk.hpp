// The best k rows seen, by (distance, rank, position).
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kinspace {

struct Found {
  double distance;
  std::uint64_t rank;
  std::int64_t position;
  bool operator<(const Found& o) const {
    if (distance != o.distance) return distance < o.distance;
    if (rank != o.rank) return rank < o.rank;
    return position < o.position;
  }
};

class Best {
 public:
  explicit Best(std::size_t k) : k_(k) {}
  void add(const Found& f) {
    if (heap_.size() < k_) {
      heap_.push_back(f);
      std::push_heap(heap_.begin(), heap_.end());
    } else if (k_ != 0 && f < heap_.front()) {
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.back() = f;
      std::push_heap(heap_.begin(), heap_.end());
    }
  }
  std::vector<Found> sorted() const {
    std::vector<Found> out = heap_;
    std::sort_heap(out.begin(), out.end());
    return out;
  }

 private:
  std::size_t k_;
  std::vector<Found> heap_;
};

}  // namespace kinspace
