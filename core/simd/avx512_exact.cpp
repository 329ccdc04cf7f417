// The exact kernels for AVX-512.
#define KINSPACE_DOUBLES 8
#define KINSPACE_EXACT_ROWS 4
#include "simd/exact.inl"

namespace kinspace {
const ExactKernels avx512_exact = {dots, squares, dots_squares, l2sqs};
}  // namespace kinspace
