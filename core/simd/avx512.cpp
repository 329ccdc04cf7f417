// The float kernels for AVX-512 (F, BW, DQ, VL): 48 queries x 8 rows in 24 of 32 registers.
#include <immintrin.h>

#include "simd/kernels.hpp"

#define KINSPACE_LANES 16
#include "simd/scan.inl"

namespace kinspace {
namespace {
typedef F TileF;
typedef I TileI;
typedef LooseF LooseTileF;
inline uint32_t bits_of(TileI mask) { return _mm512_movepi32_mask(reinterpret_cast<__m512i>(mask)); }
}  // namespace
}  // namespace kinspace

#define KINSPACE_TILE_LANES 16
#define KINSPACE_TILE_ROWS 8
#include "simd/tile.inl"

namespace kinspace {
const Kernels avx512_kernels = {
    "avx512", &avx512_exact, dots,  dots_squares, l2sqs, squares, l2sq, tile_lanes, {tile<1>, tile<2>, tile<3>},
    sift,     sift_tile,     finite};
}  // namespace kinspace
