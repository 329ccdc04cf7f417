// Elements for aarch64, whose compilers know half floats.
#include "simd/elements.inl"

namespace kinspace {
namespace {

void float16(const void* from, size_t n, float* to) noexcept {
  const auto* x = static_cast<const __fp16*>(from);
  for (size_t i = 0; i < n; ++i) to[i] = static_cast<float>(x[i]);
}

}  // namespace

const ElementKernels neon_elements = {float16, bfloat16, int8, bit, differing, common, shared};

}  // namespace kinspace
