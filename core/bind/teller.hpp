// How far a piece of work is, told to Python.
#pragma once
#include <nanobind/nanobind.h>

#include <cstddef>

#include "hnsw/link.hpp"

namespace kinspace::bind {

// Tells Python how far a piece of work is: when the work says so, and every time it looks at signals meanwhile. One at
// a time in a thread; what the callable raises ends the work.
class Teller {
 public:
  Teller(nanobind::handle callable, std::size_t rows) : callable_(callable), before_(telling), rows_(rows) {
    telling = this;
  }
  Teller(const Teller&) = delete;
  Teller& operator=(const Teller&) = delete;
  ~Teller() { telling = before_; }

  Crew crew(std::size_t threads);  // threads = 0: as many as there are processors

 private:
  static void poll();
  void call() const;

  static thread_local Teller* telling;
  nanobind::handle callable_;
  Teller* before_;
  std::size_t rows_, done_ = 0;  // done_ of rows_, in proportion to the work
};

}  // namespace kinspace::bind
