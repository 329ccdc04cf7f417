// Walking a record and scoring what it lists, in the vectors of vector.inl. The including file has defined, for sq4 and
// sq8, four_sums<K, Lines>(hop, code): the sums of u * q of the codes at code[0…3], Lines lines each (0: hop.lines).
#include "simd/encode.inl"
#include "simd/vector.inl"

namespace kinspace {
namespace {

constexpr size_t at_once = 64;  // neighbours taken together

typedef int32_t I4 __attribute__((vector_size(16)));

constexpr bool is_float(CodeKind kind) { return kind == CodeKind::l2 || kind == CodeKind::dot; }

// Interleaves single lanes or pairs of lanes, within 16 bytes.
#if KINSPACE_LANES == 16
inline F low_lanes(F a, F b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
}
inline F high_lanes(F a, F b) {
  return __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
}
inline F low_pairs(F a, F b) {
  return __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
}
inline F high_pairs(F a, F b) {
  return __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
}
#else
inline F low_lanes(F a, F b) { return __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13); }
inline F high_lanes(F a, F b) { return __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15); }
inline F low_pairs(F a, F b) { return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13); }
inline F high_pairs(F a, F b) { return __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15); }
#endif

// Lane j is the sum of v[j]'s lanes.
inline F4 sum_four(const F (&v)[4]) {
  const F ab = low_lanes(v[0], v[1]) + high_lanes(v[0], v[1]), cd = low_lanes(v[2], v[3]) + high_lanes(v[2], v[3]);
  const F8 all = fold(low_pairs(ab, cd) + high_pairs(ab, cd));
  return __builtin_shufflevector(all, all, 0, 1, 2, 3) + __builtin_shufflevector(all, all, 4, 5, 6, 7);
}

// The sums of four codes: int32, or floats as they are.
template <CodeKind K, size_t Lines>
inline auto sums_of(const Hop& hop, const uint32_t* ids) {
  const size_t lines = Lines != 0 ? Lines : hop.lines, stride = lines * code_line;
  const uint8_t* const code[4] = {hop.codes + ids[0] * stride, hop.codes + ids[1] * stride, hop.codes + ids[2] * stride,
                                  hop.codes + ids[3] * stride};
  if constexpr (is_float(K)) {
    const auto* q = static_cast<const float*>(hop.query);
    F sum[4] = {};
    for (size_t i = 0; i < lines * 16; i += lanes) {
      const F a = load(q + i);
#pragma GCC unroll 4
      for (size_t j = 0; j < 4; ++j) {
        const F x = load(reinterpret_cast<const float*>(code[j]) + i);
        if constexpr (K == CodeKind::dot) {
          sum[j] -= a * x;
        } else {
          const F gap = x - a;
          sum[j] += gap * gap;
        }
      }
    }
    return sum_four(sum);
  } else {
    return reinterpret_cast<I4>(four_sums<K, Lines>(hop, code));
  }
}

// Neighbours that are being scored; room for what is written past their end.
struct Batch {
  alignas(64) uint32_t ids[at_once + 16];
  alignas(64) float scales[at_once + 16], norms[at_once + 16];
};

// Distances of batch.ids[at…at + 3].
template <CodeKind K, size_t Lines>
inline F4 four_distances(const Hop& hop, const Batch& batch, size_t at) {
  const auto sums = sums_of<K, Lines>(hop, batch.ids + at);
  if constexpr (is_float(K)) {
    return sums;
  } else {
    F4 scale, norm = {};
    memcpy(&scale, batch.scales + at, sizeof scale);
    const F4 near = __builtin_convertvector(sums, F4) * hop.slope + hop.offset;
    if (hop.factors < 2) return -(scale * near);
    memcpy(&norm, batch.norms + at, sizeof norm);
    return norm * hop.norm_weight - scale * near;
  }
}

#if defined(__AVX512F__)

inline void widen(const uint16_t* from, __mmask16 which, float* to) {  // bfloat16 to float
  const __m512i half = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  _mm512_storeu_ps(to, _mm512_maskz_compress_ps(which, _mm512_castsi512_ps(_mm512_slli_epi32(half, 16))));
}

// Lists neighbours from…end of a record that are not visited; returns how many.
inline size_t take_new(const Hop& hop, const uint8_t* record, size_t from, size_t end, Batch& batch) {
  const auto* ids = reinterpret_cast<const uint32_t*>(record);
  const auto* scales = reinterpret_cast<const uint16_t*>(ids + hop.degree);
  const __m512i epoch = _mm512_set1_epi32(hop.epoch);
  size_t n = 0;
  for (size_t i = from; i < end; i += 16) {
    const __m512i which = _mm512_loadu_si512(ids + i);
    const __m512i seen = _mm512_and_si512(_mm512_i32gather_epi32(which, hop.visited, 1), _mm512_set1_epi32(0xff));
    const __mmask16 is_new = _mm512_cmpneq_epi32_mask(seen, epoch);
    _mm512_storeu_si512(batch.ids + n, _mm512_maskz_compress_epi32(is_new, which));
    if (hop.factors > 0) widen(scales + i, is_new, batch.scales + n);
    if (hop.factors > 1) widen(scales + hop.degree + i, is_new, batch.norms + n);
    n += static_cast<size_t>(__builtin_popcount(is_new));
  }
  return n;
}

// Appends the first n of four that are less than limit; returns how many. Writes all four.
inline size_t append(F4 distances, const uint32_t* ids, size_t n, float limit, uint64_t* out) {
  const __m128 distance = reinterpret_cast<__m128>(distances);
  const __mmask8 there = n >= 4 ? 0xf : static_cast<__mmask8>((1u << n) - 1);
  const __mmask8 near = _mm_mask_cmp_ps_mask(there, distance, _mm_set1_ps(limit), _CMP_LT_OQ);
  const __m128i bits = _mm_castps_si128(distance);
  const __m128i key = _mm_xor_si128(bits, _mm_or_si128(_mm_srai_epi32(bits, 31), _mm_set1_epi32(INT32_MIN)));
  const __m128i id = _mm_slli_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(ids)), 1);
  const __m256i both = _mm256_or_si256(_mm256_slli_epi64(_mm256_cvtepu32_epi64(key), 32), _mm256_cvtepu32_epi64(id));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_maskz_compress_epi64(near, both));
  return static_cast<size_t>(__builtin_popcount(near));
}

#else

inline float widen(uint16_t half) {
  const uint32_t bits = static_cast<uint32_t>(half) << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

inline size_t take_new(const Hop& hop, const uint8_t* record, size_t from, size_t end, Batch& batch) {
  const auto* ids = reinterpret_cast<const uint32_t*>(record);
  const auto* scales = reinterpret_cast<const uint16_t*>(ids + hop.degree);
  const uint16_t* norms = scales + hop.degree;
  uint32_t place[at_once];
  size_t n = 0;
  for (size_t i = from; i < end; ++i) {  // without branches: which are new is not to be foreseen
    batch.ids[n] = ids[i];
    place[n] = static_cast<uint32_t>(i);
    n += hop.visited[ids[i]] != hop.epoch;
  }
  if (hop.factors > 0)
    for (size_t j = 0; j < n; ++j) batch.scales[j] = widen(scales[place[j]]);
  if (hop.factors > 1)
    for (size_t j = 0; j < n; ++j) batch.norms[j] = widen(norms[place[j]]);
  return n;
}

inline size_t append(F4 distances, const uint32_t* ids, size_t n, float limit, uint64_t* out) {
  size_t found = 0;
  for (size_t j = 0; j < 4; ++j) {
    out[found] = static_cast<uint64_t>(orderable(distances[j])) << 32 | ids[j] << 1;
    found += distances[j] < limit && j < n;
  }
  return found;
}

#endif

template <size_t Lines>
inline void fetch(const Hop& hop, uint32_t id) {
  const size_t lines = Lines != 0 ? Lines : hop.lines;
  const uint8_t* code = hop.codes + id * lines * code_line;
#pragma GCC unroll 8
  for (size_t line = 0; line < lines; ++line) __builtin_prefetch(code + line * code_line);
}

template <CodeKind K, size_t Lines>
Expanded expand_by(const Hop& given, const uint8_t* record, float limit, uint64_t* out) {
  const Hop hop = given;  // marks might be of it, as far as the compiler knows
  Batch batch;
  size_t found = 0, scored = 0;
  for (size_t from = 0; from < hop.degree; from += at_once) {
    const size_t end = from + at_once < hop.degree ? from + at_once : hop.degree;
    const size_t n = take_new(hop, record, from, end, batch);
    if (n == 0) continue;
    scored += n;
    for (size_t i = 0; i < n; ++i) {
      hop.visited[batch.ids[i]] = hop.epoch;
      fetch<Lines>(hop, batch.ids[i]);
    }
    for (size_t i = n; i % 4 != 0; ++i) batch.ids[i] = batch.ids[n - 1];
    F4 distance[at_once / 4];
    for (size_t i = 0; i < n; i += 4) distance[i / 4] = four_distances<K, Lines>(hop, batch, i);
    for (size_t i = 0; i < n; i += 4) found += append(distance[i / 4], batch.ids + i, n - i, limit, out + found);
  }
  return {static_cast<uint32_t>(found), static_cast<uint32_t>(scored)};
}

template <CodeKind K>
Expanded expand(const Hop& hop, const uint8_t* record, float limit, uint64_t* out) noexcept {
  switch (hop.lines) {
    case 1:
      return expand_by<K, 1>(hop, record, limit, out);
    case 2:
      return expand_by<K, 2>(hop, record, limit, out);
    case 3:
      return expand_by<K, 3>(hop, record, limit, out);
    case 4:
      return expand_by<K, 4>(hop, record, limit, out);
    case 6:
      return expand_by<K, 6>(hop, record, limit, out);
    case 7:
      return expand_by<K, 7>(hop, record, limit, out);
    case 8:
      return expand_by<K, 8>(hop, record, limit, out);
    default:
      return expand_by<K, 0>(hop, record, limit, out);
  }
}

template <CodeKind K>
void score(const Hop& hop, const uint32_t* ids, const uint16_t* scales, const uint16_t* norms, size_t n,
           float* out) noexcept {
  Batch batch;
  for (size_t i = 0; i < n; i += 16) {
    const size_t count = n - i < 16 ? n - i : 16;
    for (size_t j = 0; j < 16; ++j) {
      batch.ids[j] = ids[i + (j < count ? j : count - 1)];
      if (j < count) fetch<0>(hop, batch.ids[j]);
      const uint32_t scale = hop.factors > 0 ? static_cast<uint32_t>(scales[i + j]) << 16 : 0;
      const uint32_t norm = hop.factors > 1 ? static_cast<uint32_t>(norms[i + j]) << 16 : 0;
      memcpy(batch.scales + j, &scale, sizeof scale);
      memcpy(batch.norms + j, &norm, sizeof norm);
    }
    for (size_t j = 0; j < count; j += 4) {
      const F4 distances = four_distances<K, 0>(hop, batch, j);
      memcpy(out + i + j, &distances, sizeof distances);
    }
  }
}

template <size_t Lines>
inline void sums8_by(const Hop& hop, const uint32_t* ids, size_t n, int32_t* out) {
  for (size_t i = 0; i < n; i += 4) {
    uint32_t four[4];
    for (size_t j = 0; j < 4; ++j) four[j] = ids[i + j < n ? i + j : n - 1];
    const I4 sums = sums_of<CodeKind::sq8, Lines>(hop, four);
    memcpy(out + i, &sums, sizeof sums);
  }
}

void sums8(const int8_t* q, const uint8_t* codes, size_t lines, const uint32_t* ids, size_t n, int32_t* out) noexcept {
  Hop hop{};
  hop.query = q;
  hop.codes = codes;
  hop.lines = lines;
  switch (lines) {
    case 2:
      return sums8_by<2>(hop, ids, n, out);
    case 6:
      return sums8_by<6>(hop, ids, n, out);
    case 12:
      return sums8_by<12>(hop, ids, n, out);
    case 13:
      return sums8_by<13>(hop, ids, n, out);
    default:
      return sums8_by<0>(hop, ids, n, out);
  }
}

}  // namespace
}  // namespace kinspace
