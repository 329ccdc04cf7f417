// What the core found on this machine.
#include "bind/bind.hpp"
#include "flat/threads.hpp"
#include "simd/dispatch.hpp"

namespace kinspace::bind {

namespace nb = nanobind;

void bind_machine(nb::module_& m) {
  choose_kernels();
  m.def("isa", [] { return kernels().isa; });
  m.def("isas", [] {
    nb::list names;
    for (const Kernels* table : supported_kernels()) names.append(nb::str(table->isa));
    return names;
  });
  m.def("force_isa", [](nb::str name) {
    if (!force_kernels(name.c_str())) throw nb::value_error("this machine does not have that instruction set");
  });
  m.def("cpu_count", &cpu_count);
}

}  // namespace kinspace::bind
