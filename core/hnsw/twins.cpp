// Finding equal rows.
#include "hnsw/twins.hpp"

#include <algorithm>
#include <cstring>

namespace kinspace {

namespace {

std::uint64_t hash_row(const float* row, std::size_t dims) {
  std::uint64_t sum[4] = {1, 2, 3, 4};
  for (std::size_t d = 0; d < dims; ++d) {
    std::uint32_t bits;
    std::memcpy(&bits, row + d, sizeof bits);
    sum[d % 4] = (sum[d % 4] ^ bits) * 0x9e3779b97f4a7c15u;
    sum[d % 4] ^= sum[d % 4] >> 29;
  }
  return mix(sum[0] ^ mix(sum[1] ^ mix(sum[2] ^ mix(sum[3]))));
}

}  // namespace

std::vector<std::uint64_t> hash_rows(const Rows& rows, const std::vector<std::uint32_t>& which, const Crew& crew) {
  constexpr std::size_t chunk = 64;
  std::vector<std::uint64_t> hashes(which.size());
  for_items((which.size() + chunk - 1) / chunk, crew.threads, crew.poll, [&](std::size_t, std::size_t item) {
    const Room room(rows, 1);
    for (std::size_t i = item * chunk; i < std::min(which.size(), (item + 1) * chunk); ++i)
      hashes[i] = hash_row(rows.row(which[i], room.at(0)), rows.dims);
    return true;
  });
  return hashes;
}

std::vector<std::uint32_t> find_twins(Graph& graph, const Rows& rows, const std::vector<std::uint32_t>& which,
                                      const std::vector<std::uint64_t>& hashes) {
  std::vector<std::uint32_t> order(which.size()), firsts;  // order: places in which
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return hashes[a] != hashes[b] ? hashes[a] < hashes[b] : rows.rank(which[a]) < rows.rank(which[b]);
  });
  std::vector<std::uint32_t> last;  // of each kind with this hash: the latest row
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t one = which[order[i]];
    if (i == 0 || hashes[order[i - 1]] != hashes[order[i]]) last.clear();
    const auto twin =
        std::find_if(last.begin(), last.end(), [&](std::uint32_t other) { return rows.same(one, other); });
    if (twin == last.end()) {
      firsts.push_back(one);
      last.push_back(one);
    } else {
      if (graph.next.empty()) graph.next.assign(rows.n, none);
      graph.next[*twin] = one;
      *twin = one;
    }
  }
  std::sort(firsts.begin(), firsts.end());
  return firsts;
}

}  // namespace kinspace
