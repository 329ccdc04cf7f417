// Interpolation search: hashes are uniform, so a guess lands within a few cache lines of the answer.
#include "keys/keys.hpp"

namespace kinspace {
namespace {

// hash * n / 2^64
std::size_t share(std::uint64_t hash, std::size_t n) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::size_t>((static_cast<Wide>(hash) * n) >> 64);
}

bool is_live(const std::uint64_t* live, std::size_t row) {
  return live == nullptr || ((live[row / 64] >> (row % 64)) & 1) != 0;
}

struct Range {
  std::size_t low, high, guess;  // the answer is in [low, high], guess < high unless they meet

  // Looks at the guess, narrows the range and guesses again from how far off it was.
  void step(const std::uint64_t* hashes, std::size_t n, std::uint64_t hash) {
    const std::uint64_t there = hashes[guess];
    if (there < hash) {
      low = guess + 1;
      const std::size_t jump = share(hash - there, n);
      guess = jump < high - low ? low + jump : high - (high > low);
    } else {
      high = guess;
      const std::size_t jump = share(there - hash, n);
      guess = jump < high - low ? high - 1 - jump : low;
    }
  }

  std::size_t finish(const std::uint64_t* hashes, std::size_t n, std::uint64_t hash) {
    for (int steps = 0; steps < 3 && high - low > 8; ++steps) step(hashes, n, hash);
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (hashes[middle] < hash) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
};

}  // namespace

std::size_t Keys::lower_bound(std::uint64_t hash) const { return Range{0, n, share(hash, n)}.finish(hashes, n, hash); }

void Keys::lower_bounds(const std::uint64_t* wanted, std::size_t m, std::size_t* at) const {
  if (n == 0) {
    for (std::size_t i = 0; i < m; ++i) at[i] = 0;
    return;
  }
  Range ranges[batch];
  for (std::size_t i = 0; i < m; ++i) {
    ranges[i] = {0, n, share(wanted[i], n)};
    __builtin_prefetch(hashes + ranges[i].guess);
  }
  for (std::size_t i = 0; i < m; ++i) {
    ranges[i].step(hashes, n, wanted[i]);
    __builtin_prefetch(hashes + ranges[i].guess);
  }
  for (std::size_t i = 0; i < m; ++i) {
    at[i] = ranges[i].finish(hashes, n, wanted[i]);
    __builtin_prefetch(rows + at[i]);
  }
  const auto known = [&](std::size_t i) { return at[i] < n && rows[at[i]] < n; };
  for (std::size_t i = 0; i < m; ++i)
    if (known(i)) prefetch(rows[at[i]]);
  if (ints != nullptr) return;
  for (std::size_t i = 0; i < m; ++i)
    if (known(i)) prefetch_text(rows[at[i]]);
}

void Keys::prefetch(std::size_t row) const {
  if (ints != nullptr) {
    __builtin_prefetch(ints + row);
  } else {
    __builtin_prefetch(offsets + row);
  }
}

void Keys::prefetch_text(std::size_t row) const {
  if (ints == nullptr && offsets[row] < text_size) __builtin_prefetch(text + offsets[row]);
}

bool Keys::text_of(std::size_t row, std::string_view& key) const {
  const std::uint64_t from = offsets[row], to = offsets[row + 1];
  if (from > to || to > text_size) return false;
  key = {text + from, static_cast<std::size_t>(to - from)};
  return true;
}

std::int64_t Keys::find(std::size_t at, std::uint64_t hash, std::string_view key, const std::uint64_t* live) const {
  for (; at < n && hashes[at] == hash; ++at) {
    const std::uint32_t row = rows[at];
    std::string_view stored;
    if (row < n && text_of(row, stored) && stored == key && is_live(live, row)) return row;
  }
  return -1;
}

std::int64_t Keys::find(std::size_t at, std::uint64_t hash, std::int64_t key, const std::uint64_t* live) const {
  for (; at < n && hashes[at] == hash; ++at) {
    const std::uint32_t row = rows[at];
    if (row < n && ints[row] == key && is_live(live, row)) return row;
  }
  return -1;
}

}  // namespace kinspace
