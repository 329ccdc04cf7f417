// Python <= 3.13 ends a thread that asks for the lock during shutdown with pthread_exit, which would unwind through the
// core's frames and touch Python objects without the lock; and after shutdown there is no lock to ask for. So such a
// thread (a daemon: others have been joined by then) is parked until the process ends, as Python 3.14 does.
#include "bind/gil.hpp"

#include <unistd.h>

#include <atomic>

#include "bind/bind.hpp"
#include "flat/errors.hpp"

namespace kinspace::bind {
namespace {

std::atomic<unsigned long> leaving{0};  // the thread that shuts the interpreter down, once it does

[[noreturn]] void park() {
  for (;;) pause();
}

void park_if_leaving() {
  const unsigned long by = leaving.load();
  if (by != 0 && by != PyThread_get_thread_ident()) park();
}

}  // namespace

Unlocked::~Unlocked() {
  if (state_ == nullptr) return;
  park_if_leaving();
  try {
    PyEval_RestoreThread(state_);
  } catch (...) {
    park();
  }
}

void poll_signals() {
  park_if_leaving();
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

void bind_gil(nanobind::module_&) {
  const auto leave = nanobind::cpp_function([] { leaving = PyThread_get_thread_ident(); });
  nanobind::module_::import_("atexit").attr("register")(leave);
}

}  // namespace kinspace::bind
