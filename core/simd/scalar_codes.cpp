// The reference code kernels: naive loops that every other instruction set is tested against.
#include "simd/codes.hpp"

namespace kinspace {
namespace {

float widen(uint16_t half) {
  const uint32_t bits = static_cast<uint32_t>(half) << 16;
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

int32_t sum_of(CodeKind kind, const void* query, const uint8_t* code, size_t lines) {
  const auto* q = static_cast<const int8_t*>(query);
  int32_t sum = 0;
  for (size_t line = 0; line < lines; ++line)
    for (size_t i = 0; i < 64; ++i) {
      const int u = code[line * 64 + i];
      sum += kind == CodeKind::sq8 ? u * q[line * 64 + i]
                                   : (u & 15) * q[line * 128 + i] + (u >> 4) * q[line * 128 + 64 + i];
    }
  return sum;
}

float distance(CodeKind kind, const Hop& hop, uint32_t id, float scale, float norm) {
  const uint8_t* code = hop.codes + id * hop.lines * 64;
  if (kind == CodeKind::sq4 || kind == CodeKind::sq8) {
    const auto sum = static_cast<float>(sum_of(kind, hop.query, code, hop.lines));
    return hop.norm_weight * norm - scale * (hop.slope * sum + hop.offset);
  }
  const auto *q = static_cast<const float*>(hop.query), *x = reinterpret_cast<const float*>(code);
  float sum = 0;
  for (size_t i = 0; i < hop.lines * 16; ++i)
    sum += kind == CodeKind::l2 ? (x[i] - q[i]) * (x[i] - q[i]) : -(x[i] * q[i]);
  return sum;
}

template <CodeKind K>
Expanded expand(const Hop& hop, const uint8_t* record, float limit, uint64_t* out) noexcept {
  const auto* ids = reinterpret_cast<const uint32_t*>(record);
  const auto* factors = reinterpret_cast<const uint16_t*>(record + hop.degree * 4);
  uint32_t found = 0, scored = 0;
  for (size_t i = 0; i < hop.degree; ++i) {
    if (hop.visited[ids[i]] == hop.epoch) continue;
    hop.visited[ids[i]] = hop.epoch;
    ++scored;
    const float scale = hop.factors > 0 ? widen(factors[i]) : 0,
                norm = hop.factors > 1 ? widen(factors[hop.degree + i]) : 0;
    const float d = distance(K, hop, ids[i], scale, norm);
    if (d < limit) out[found++] = static_cast<uint64_t>(orderable(d)) << 32 | ids[i] << 1;
  }
  return {found, scored};
}

template <CodeKind K>
void score(const Hop& hop, const uint32_t* ids, const uint16_t* scales, const uint16_t* norms, size_t n,
           float* out) noexcept {
  for (size_t i = 0; i < n; ++i)
    out[i] = distance(K, hop, ids[i], hop.factors > 0 ? widen(scales[i]) : 0, hop.factors > 1 ? widen(norms[i]) : 0);
}

void sums8(const int8_t* q, const uint8_t* codes, size_t lines, const uint32_t* ids, size_t n, int32_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) out[i] = sum_of(CodeKind::sq8, q, codes + ids[i] * lines * 64, lines);
}

}  // namespace
}  // namespace kinspace

#include "simd/encode.inl"

namespace kinspace {
const CodeKernels scalar_codes = {
    "scalar",
    {expand<CodeKind::sq4>, expand<CodeKind::sq8>, expand<CodeKind::l2>, expand<CodeKind::dot>},
    {score<CodeKind::sq4>, score<CodeKind::sq8>, score<CodeKind::l2>, score<CodeKind::dot>},
    sums8,
    encode4,
    encode8,
    greatest,
    quantize};
}  // namespace kinspace
