// The core's own threads: started when first needed, never at import, anew in a child after fork().
#pragma once
#include <cstddef>

namespace kinspace {

// CPUs this process may run on.
std::size_t cpu_count();

// Calls work(context, i) at once on up to `wanted` threads, i = 0 being the caller; returns when all are done. Only one
// caller at a time has the threads: another works alone meanwhile, so nobody waits for anybody. work must not throw.
void together(std::size_t wanted, void (*work)(void* context, std::size_t i), void* context);

}  // namespace kinspace
