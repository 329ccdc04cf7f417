// Distances between nodes.
#include "hnsw/fine.hpp"

#include <limits>

#include "simd/dispatch.hpp"

namespace kinspace {

void Fine::resize(const Graph& graph, std::size_t nodes) {
  nodes_ = nodes;
  if (!graph.coder.quantized()) return;
  lines_ = (graph.coder.width() + 63) / 64;
  codes_.grow(nodes * lines_ * code_line);
  scale_.resize(nodes);
  norm_.resize(nodes);
  sum_.resize(nodes);
}

void Fine::set(const Graph& graph, std::uint32_t id, const float* x) {
  if (!graph.coder.quantized()) return;
  std::uint8_t* code = codes_.data() + id * lines_ * code_line;
  code_kernels().encode8(x, lines_, code, &scale_[id]);
  std::int32_t sum = 0;
  std::int64_t squares = 0;
  for (std::size_t i = 0; i < lines_ * code_line; ++i) {
    const int step = static_cast<int>(code[i]) - 128;
    sum += step;
    squares += step * step;
  }
  sum_[id] = sum;
  norm_[id] = scale_[id] * scale_[id] * static_cast<float>(squares);
}

void Fine::begin(const Graph& graph, std::uint32_t id, From& from) const {
  from.id = id;
  if (!graph.coder.quantized()) return;
  const std::size_t bytes = lines_ * code_line;
  if (!from.q) from.q = Buffer<std::int8_t>(bytes);
  const std::uint8_t* code = codes_.data() + id * bytes;
  for (std::size_t i = 0; i < bytes; ++i) from.q[i] = static_cast<std::int8_t>(code[i] ^ 0x80);
}

void Fine::distances(const Graph& graph, From& from, const std::uint32_t* ids, std::size_t n, float* out) const {
  if (!graph.coder.quantized()) {
    const auto* codes = reinterpret_cast<const float*>(graph.codes.data());
    const std::size_t width = graph.coder.lines * 16;
    for (std::size_t i = 0; i < n; ++i) {
      const float d = kernels().l2sq(codes + from.id * width, codes + ids[i] * width, width);
      out[i] = d >= 0 ? d : std::numeric_limits<float>::max();  // NaN, of a damaged code
    }
    return;
  }
  if (from.sums.size() < n + 4) from.sums.resize(n + 4);
  code_kernels().sums8(from.q.data(), codes_.data(), lines_, ids, n, from.sums.data());
  const float scale = scale_[from.id], norm = norm_[from.id];
  const std::int32_t offset = 128 * sum_[from.id];
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t id = ids[i];
    const float dot = scale * scale_[id] * static_cast<float>(from.sums[i] - offset);
    const float d = norm + norm_[id] - 2.0f * dot;
    out[i] = d > 0 ? d : 0;  // NaN too
  }
}

}  // namespace kinspace
