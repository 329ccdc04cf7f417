// What one thread needs to search: the pool of the nearest nodes so far, marks of those seen, scratch.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "flat/counts.hpp"
#include "hnsw/graph.hpp"

namespace kinspace {

// The nearest so far, sorted: orderable distance << 32 | id << 1 | expanded.
class Pool {
 public:
  void reset(std::size_t capacity) {
    capacity_ = capacity;
    if (items_.size() < capacity + 1) items_.resize(capacity + 1);
    size_ = 0;
    cursor_ = 0;
  }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool full() const { return size_ == capacity_; }
  std::uint64_t operator[](std::size_t i) const { return items_[i]; }
  float limit() const {
    return full() ? from_orderable(static_cast<std::uint32_t>(items_[size_ - 1] >> 32)) : HUGE_VALF;
  }

  // False if it is not among the nearest. What falls out is at [size()] then, if it was full.
  bool insert(std::uint64_t item) {
    std::size_t at = size_;
    if (size_ == capacity_) {
      if (item >= items_[size_ - 1]) return false;
      --at;
      items_[size_] = items_[at];
    } else {
      ++size_;
    }
    std::uint64_t* items = items_.data();
    if (at > linear) {
      std::size_t low = 0, high = at;
      while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (items[middle] < item) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      std::memmove(items + low + 1, items + low, (at - low) * sizeof item);
      at = low;
    } else {
      while (at > 0 && items[at - 1] > item) {
        items[at] = items[at - 1];
        --at;
      }
    }
    items[at] = item;
    if (at < cursor_) cursor_ = at;
    return true;
  }

  // Makes room for more, and takes the nearest of what had fallen out.
  void widen(std::size_t capacity, std::vector<std::uint64_t>& spilled) {
    capacity_ = capacity;
    items_.resize(capacity + 1);
    const std::size_t wanted = std::min(capacity - size_, spilled.size());
    const auto end = spilled.begin() + static_cast<std::ptrdiff_t>(wanted);
    std::nth_element(spilled.begin(), end, spilled.end());
    std::sort(spilled.begin(), end);
    std::copy(spilled.begin(), end,
              items_.begin() + static_cast<std::ptrdiff_t>(size_));  // none is nearer than the last
    size_ += wanted;
    spilled.erase(spilled.begin(), end);
    cursor_ = 0;
  }

  bool more() {
    while (cursor_ < size_ && (items_[cursor_] & 1) != 0) ++cursor_;
    return cursor_ < size_;
  }
  std::uint32_t nearest() const { return id(items_[cursor_]); }  // not yet expanded; there is one
  std::uint32_t take() {
    items_[cursor_] |= 1;
    return id(items_[cursor_++]);
  }
  std::uint32_t second() const { return cursor_ + 1 < size_ ? id(items_[cursor_ + 1]) : id(items_[cursor_]); }
  static std::uint32_t id(std::uint64_t item) { return static_cast<std::uint32_t>(item) >> 1; }
  static float distance(std::uint64_t item) { return from_orderable(static_cast<std::uint32_t>(item >> 32)); }

 private:
  static constexpr std::size_t linear = 48;
  std::vector<std::uint64_t> items_;
  std::size_t capacity_ = 0, size_ = 0, cursor_ = 0;
};

struct Workspace {
  Pool pool;
  std::vector<std::uint64_t> found;  // of one expansion
  Counts counts;                     // of what was done, for whoever sets it back

  // Marks for so many nodes, none of them seen.
  void begin(const Graph& graph, Hop& hop) {
    if (visited_.size() < graph.nodes + 4) visited_.resize(graph.nodes + 4);  // read four bytes at a time
    if (++epoch_ == 0) {
      std::memset(visited_.data(), 0, visited_.size());
      epoch_ = 1;
    }
    hop.visited = visited_.data();
    hop.epoch = epoch_;
    hop.codes = graph.codes.data();
    if (found.size() < graph.degree) found.resize(graph.degree);
  }

 private:
  std::vector<std::uint8_t> visited_;
  std::uint8_t epoch_ = 0;
};

}  // namespace kinspace
