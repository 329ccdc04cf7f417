// Python <= 3.13 ends a thread that asks for the lock during shutdown with pthread_exit, which would unwind through the
// core's frames and touch Python objects without the lock. So it is caught and the thread parked, as Python 3.14 does.
#include "bind/gil.hpp"

#include <unistd.h>

#include "flat/errors.hpp"

namespace kinspace::bind {
namespace {

[[noreturn]] void park() {
  for (;;) pause();
}

}  // namespace

Unlocked::~Unlocked() {
  if (state_ == nullptr) return;
  try {
    PyEval_RestoreThread(state_);
  } catch (...) {
    park();
  }
}

void poll_signals() {
  PyGILState_STATE held{};
  try {
    held = PyGILState_Ensure();
  } catch (...) {
    park();
  }
  const bool raised = PyErr_CheckSignals() != 0;
  PyGILState_Release(held);
  if (raised) throw Cancelled();
}

}  // namespace kinspace::bind
