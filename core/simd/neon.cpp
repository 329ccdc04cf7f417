// The float kernels for aarch64: 8 lanes as two registers for one query, 12 queries x 8 rows for many.
#include "simd/kernels.hpp"

#define KINSPACE_LANES 8
#include "simd/scan.inl"

namespace kinspace {
namespace {
typedef float TileF __attribute__((vector_size(16)));
typedef int32_t TileI __attribute__((vector_size(16)));
typedef float LooseTileF __attribute__((vector_size(16), aligned(4), may_alias));
inline uint32_t bits_of(TileI mask) {
  const TileI bit = mask & TileI{1, 2, 4, 8};
  return static_cast<uint32_t>((bit[0] | bit[1]) | (bit[2] | bit[3]));
}
}  // namespace
}  // namespace kinspace

#define KINSPACE_TILE_LANES 4
#define KINSPACE_TILE_ROWS 8
#include "simd/tile.inl"

namespace kinspace {
const Kernels neon_kernels = {
    "neon", &neon_exact, dots,  dots_squares, l2sqs, squares, l2sq, tile_lanes, {tile<1>, tile<2>, tile<3>},
    sift,   sift_tile,   finite};
}  // namespace kinspace
