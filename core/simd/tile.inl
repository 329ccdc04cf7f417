// Many queries against a list of rows: a register tile of queries (lanes) x rows, and the look for survivors.
// The including file sets KINSPACE_TILE_LANES, KINSPACE_TILE_ROWS, and defines `uint32_t bits_of(TileI)`: bit i of the
// result is lane i of a mask that is all ones or all zeros.
namespace kinspace {
namespace {

constexpr size_t tile_lanes = KINSPACE_TILE_LANES;

inline TileF load_tile(const float* p) { return *reinterpret_cast<const LooseTileF*>(p); }

template <size_t V>
void tile(const float* packed, const float* const* rows, const float* const* next, size_t n, size_t dims,
          float* out) noexcept {
  constexpr size_t R = KINSPACE_TILE_ROWS;
  for (size_t j = 0; j < n; j += R) {
    TileF sum[R][V] = {};
    const float* row[R];
    for (size_t r = 0; r < R; ++r) row[r] = rows[j + r];
    const float* q = packed;
    for (size_t from = 0; from < dims; from += 16) {
      if (next != nullptr)
        for (size_t r = 0; r < R; ++r) __builtin_prefetch(next[j + r] + from, 0, 2);
      const size_t to = from + 16 < dims ? from + 16 : dims;
      for (size_t i = from; i < to; ++i) {
        TileF a[V];
#pragma GCC unroll 4
        for (size_t v = 0; v < V; ++v) a[v] = load_tile(q + v * tile_lanes);
        q += V * tile_lanes;
#pragma GCC unroll 8
        for (size_t r = 0; r < R; ++r) {
          const TileF x = row[r][i] - TileF{};  // x - 0 folds to a broadcast
#pragma GCC unroll 4
          for (size_t v = 0; v < V; ++v) sum[r][v] += x * a[v];
        }
      }
    }
#pragma GCC unroll 8
    for (size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (size_t v = 0; v < V; ++v) *reinterpret_cast<LooseTileF*>(out + ((j + r) * V + v) * tile_lanes) = sum[r][v];
  }
}

constexpr float lowest = -__FLT_MAX__;

uint64_t sift(const float* s, const float* mul, const float* add, float tau) noexcept {
  const TileF limit = tau - TileF{}, floor = lowest - TileF{};
  uint64_t kept = 0;
  for (size_t i = 0; i < block_rows; i += tile_lanes) {
    const TileF upper = load_tile(s + i) * load_tile(mul + i) + load_tile(add + i);
    kept |= static_cast<uint64_t>(bits_of(~((upper < limit) & (upper >= floor)))) << i;
  }
  return kept;
}

size_t sift_tile(const float* s, const float* mul, const float* add, const float* tau, size_t n, size_t width,
                 uint32_t* hits) noexcept {
  const TileF floor = lowest - TileF{};
  size_t found = 0;
  for (size_t j = 0; j < n; ++j) {
    const TileF m = mul[j] - TileF{}, b = add[j] - TileF{};
    for (size_t v = 0; v < width; v += tile_lanes) {
      const TileF upper = load_tile(s + j * width + v) * m + b;
      uint32_t kept = bits_of(~((upper < load_tile(tau + v)) & (upper >= floor)));
      for (; kept != 0; kept &= kept - 1)
        hits[found++] = static_cast<uint32_t>(j * width + v) + static_cast<uint32_t>(__builtin_ctz(kept));
    }
  }
  return found;
}

}  // namespace
}  // namespace kinspace
