// Records: ids with their factors beside them.
#include "hnsw/graph.hpp"

#include "hnsw/change.hpp"

namespace kinspace {

Graph::Graph() = default;
Graph::~Graph() = default;

void Graph::set_neighbours(std::size_t layer, std::uint32_t id, const std::uint32_t* ids, std::size_t n) {
  std::uint8_t* at = record(layer, id);
  const std::size_t room = places(layer);
  auto* to = reinterpret_cast<std::uint32_t*>(at);
  auto* factors = reinterpret_cast<std::uint16_t*>(at + room * sizeof(std::uint32_t));
  for (std::size_t i = 0; i < room; ++i) {
    const std::uint32_t one = i < n ? ids[i] : id;
    to[i] = one;
    if (coder.factors > 0) factors[i] = upper_half(scale[one]);
    if (coder.factors > 1) factors[room + i] = upper_half(norm[one]);
  }
}

std::size_t Graph::bytes() const {
  const auto of = [](const auto& v) { return v.capacity() * sizeof(v[0]); };
  const std::size_t more = changing == nullptr ? 0 : changing->bytes();
  return more + codes.room() + records.room() + upper_records.room() + of(scale) + of(norm) + of(level) + of(upper) +
         of(entries) + of(row) + of(node) + of(next);
}

}  // namespace kinspace
