// The exact kernels for NEON.
#define KINSPACE_DOUBLES 2
#define KINSPACE_EXACT_ROWS 2
#include "simd/exact.inl"

namespace kinspace {
const ExactKernels neon_exact = {dots, squares, dots_squares, l2sqs};
}  // namespace kinspace
