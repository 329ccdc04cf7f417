// The exact kernels for AVX-512.
#include "simd/exact.inl"

namespace kinspace {
const ExactKernels avx512_exact = {dot, squares, l2sq, dot_squares};
}  // namespace kinspace
