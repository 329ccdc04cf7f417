// Which kernel table is in use.
#pragma once
#include <string>
#include <vector>

#include "simd/kernels.hpp"

namespace kinspace {

// Every table this machine can run, best first.
std::vector<const Kernels*> supported_kernels();
// Takes the best table, or the one KINSPACE_ISA names; std::runtime_error if it names none of them. Once, at import.
void choose_kernels();
// Takes the table of that name; false if this machine has none. For tests: not while a search runs.
bool force_kernels(const std::string& isa);

const Kernels& kernels() noexcept;
inline const ExactKernels& exact() noexcept { return *kernels().exact; }

}  // namespace kinspace
