// How the core's errors look in Python.
#include "flat/errors.hpp"

#include <string>

#include "bind/bind.hpp"

namespace kinspace::bind {

void bind_errors(nanobind::module_&) {
  nanobind::register_exception_translator([](const std::exception_ptr& raised, void*) {
    try {
      std::rethrow_exception(raised);
    } catch (const NotFinite& e) {
      PyErr_SetString(PyExc_ValueError, ("row " + std::to_string(e.position) + " is not finite").c_str());
    } catch (const Cancelled&) {
      if (PyErr_Occurred() == nullptr) PyErr_SetNone(PyExc_KeyboardInterrupt);
    }
  });
}

}  // namespace kinspace::bind
