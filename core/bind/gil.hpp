// The interpreter's lock: released for long work, taken again to look at signals.
#pragma once
#include <nanobind/nanobind.h>

#include <cstddef>

namespace kinspace::bind {

// Lets other Python threads run while it lives. When the interpreter is shutting down, a daemon thread that wants the
// lock back never gets it: it sleeps until the process ends.
class Unlocked {
 public:
  // floats: how much there is to read. For little the lock is kept: getting it back may take milliseconds.
  explicit Unlocked(std::size_t floats) {
    if (floats > worth_it) state_ = PyEval_SaveThread();
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;
  ~Unlocked();
  explicit operator bool() const { return state_ != nullptr; }

 private:
  static constexpr std::size_t worth_it = 100'000;
  PyThreadState* state_ = nullptr;
};

// For a thread inside Unlocked: runs Python's signal handlers; throws Cancelled, the Python error set, if one raises.
void poll_signals();

}  // namespace kinspace::bind
