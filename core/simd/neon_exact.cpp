// The exact kernels for NEON.
#include "simd/exact.inl"

namespace kinspace {
const ExactKernels neon_exact = {dot, squares, l2sq, dot_squares};
}  // namespace kinspace
