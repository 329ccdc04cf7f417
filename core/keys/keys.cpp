// Interpolation search: hashes are uniform, so a guess lands within a few cache lines of the answer.
#include "keys/keys.hpp"

namespace kinspace {

std::size_t Keys::lower_bound(std::uint64_t hash) const {
  if (n == 0) return 0;
  std::size_t lo = 0, hi = n;  // hashes[lo - 1] < hash <= hashes[hi]
  __extension__ using Wide = unsigned __int128;
  auto guess = static_cast<std::size_t>((static_cast<Wide>(hash) * n) >> 64);
  for (int step = 0; step < 4 && hi - lo > 8; ++step) {
    const std::uint64_t at = hashes[guess];
    const bool below = at < hash;
    if (below) {
      lo = guess + 1;
    } else {
      hi = guess;
    }
    const std::uint64_t gap = below ? hash - at : at - hash;
    const auto jump = static_cast<std::size_t>((static_cast<Wide>(gap) * n) >> 64);
    if (below) {
      guess = jump < hi - lo ? lo + jump : hi - 1;
    } else {
      guess = jump < hi - lo ? hi - 1 - jump : lo;
    }
    if (hi == lo) return lo;
  }
  while (lo < hi) {
    const std::size_t mid = lo + (hi - lo) / 2;
    if (hashes[mid] < hash) {
      lo = mid + 1;
    } else {
      hi = mid;
    }
  }
  return lo;
}

bool Keys::text_of(std::size_t row, std::string_view& key) const {
  const std::uint64_t from = offsets[row], to = offsets[row + 1];
  if (from > to || to > text_size) return false;
  key = {text + from, static_cast<std::size_t>(to - from)};
  return true;
}

std::int64_t Keys::find(std::uint64_t hash, std::string_view key) const {
  for (std::size_t i = lower_bound(hash); i < n && hashes[i] == hash; ++i) {
    std::string_view stored;
    if (rows[i] < n && text_of(rows[i], stored) && stored == key) return rows[i];
  }
  return -1;
}

std::int64_t Keys::find(std::uint64_t hash, std::int64_t key) const {
  for (std::size_t i = lower_bound(hash); i < n && hashes[i] == hash; ++i)
    if (rows[i] < n && ints[rows[i]] == key) return rows[i];
  return -1;
}

}  // namespace kinspace
