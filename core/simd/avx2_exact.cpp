// The exact kernels for AVX2.
#define KINSPACE_DOUBLES 4
#define KINSPACE_EXACT_ROWS 2
#include "simd/exact.inl"

namespace kinspace {
const ExactKernels avx2_exact = {dots, squares, dots_squares, l2sqs};
}  // namespace kinspace
