// The exact kernels for AVX2.
#include "simd/exact.inl"

namespace kinspace {
const ExactKernels avx2_exact = {dot, squares, l2sq, dot_squares};
}  // namespace kinspace
