// The float kernels for AVX2 with FMA: 24 queries x 4 rows in 12 of 16 registers.
#include <immintrin.h>

#include "simd/kernels.hpp"

#define KINSPACE_LANES 8
#include "simd/scan.inl"

namespace kinspace {
namespace {
typedef F TileF;
typedef I TileI;
typedef LooseF LooseTileF;
inline uint32_t bits_of(TileI mask) {
  return static_cast<uint32_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(mask)));
}
}  // namespace
}  // namespace kinspace

#define KINSPACE_TILE_LANES 8
#define KINSPACE_TILE_ROWS 4
#include "simd/tile.inl"

namespace kinspace {
const Kernels avx2_kernels = {
    "avx2", &avx2_exact, dots,  dots_squares, l2sqs, squares, l2sq, tile_lanes, {tile<1>, tile<2>, tile<3>},
    sift,   sift_tile,   finite};
}  // namespace kinspace
