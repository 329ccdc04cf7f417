// What the core found on this machine.
#include <sched.h>

#include "bind/bind.hpp"
#include "simd/kernels.hpp"

namespace kinspace::bind {

void bind_machine(nanobind::module_& m) {
  m.def("isa", [] { return kernels().isa; });
  m.def("cpu_count", [] {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  });
}

}  // namespace kinspace::bind
