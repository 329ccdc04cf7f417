// Picks the kernel table once.
#include "simd/kernels.hpp"

namespace kinspace {
const Kernels& kernels() noexcept { return scalar_kernels; }
}  // namespace kinspace
