// Scaling, tiling and packing of queries.
#include "flat/queries.hpp"

#include <algorithm>

namespace kinspace {

Queries::Queries(const Kernels& table, Metric kind, const float* vectors, std::size_t count, std::size_t length)
    : kernels(table),
      metric(kind),
      m(count),
      dims(length),
      raw(vectors),
      squares(count),
      single(length, false),
      tiled(length, true) {
  for (std::size_t q = 0; q < m; ++q) squares[q] = kinspace::squares(*kernels.exact, query(q), dims);
  if (metric != Metric::l2) {
    unit = Buffer<float>(m * dims);
    for (std::size_t q = 0; q < m; ++q) {
      const double scale = squares[q] == 0.0 ? 0.0 : 1.0 / std::sqrt(squares[q]);
      float* to = unit.data() + q * dims;
      for (std::size_t i = 0; i < dims; ++i) to[i] = static_cast<float>(query(q)[i] * scale);
    }
  }
  plan();
  if (!tiles.empty()) pack();
}

// A register of queries costs the same however full; queries one by one cost about 1.3 times a full register's share.
void Queries::plan() {
  const std::size_t lanes = kernels.lanes;
  std::size_t vectors = m / lanes;
  if ((m % lanes) * 8 > lanes * 5) ++vectors;
  singles = std::min(m, vectors * lanes);
  std::size_t first = 0;
  while (vectors > 0) {
    const std::size_t now = vectors == 4 || vectors == 2 ? 2 : vectors >= 3 ? 3 : 1;
    tiles.push_back({first, std::min(now * lanes, m - first), now * lanes, nullptr});
    first += now * lanes;
    vectors -= now;
  }
}

void Queries::pack() {
  std::size_t width = 0;
  for (const Tile& tile : tiles) width += tile.width;
  packed = Buffer<float>(width * dims);
  float* to = packed.data();
  for (Tile& tile : tiles) {
    tile.packed = to;
    for (std::size_t i = 0; i < dims; ++i)
      for (std::size_t q = 0; q < tile.width; ++q) *to++ = q < tile.count ? scan_query(tile.first + q)[i] : 0.0f;
  }
}

float Queries::nearness(std::size_t q, double distance) const {
  constexpr double few = 0x1p-40;  // the roundings of the distance itself and of this line
  switch (metric) {
    case Metric::cosine:
      return float_below(1.0 - distance - few);
    case Metric::l2:
      return float_below(-distance * distance * (1.0 + few));
    case Metric::ip: {
      if (squares[q] == 0.0) return 0.0f;
      const double similarity = -distance / std::sqrt(squares[q]);
      return float_below(similarity - std::abs(similarity) * few);
    }
    case Metric::hamming:
    case Metric::jaccard:
      break;  // counted, never bounded
  }
  return -HUGE_VALF;
}

}  // namespace kinspace
