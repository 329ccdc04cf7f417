// Calling back.
#include "bind/teller.hpp"

#include <algorithm>

#include "bind/gil.hpp"
#include "flat/errors.hpp"
#include "flat/threads.hpp"

namespace kinspace::bind {

namespace nb = nanobind;

thread_local Teller* Teller::telling = nullptr;

Crew Teller::crew(std::size_t threads) {
  const auto tell = [](void* self, std::size_t done, std::size_t total) {
    auto* teller = static_cast<Teller*>(self);
    const double share = total == 0 ? 0.0 : static_cast<double>(done) / static_cast<double>(total);
    teller->done_ = static_cast<std::size_t>(share * static_cast<double>(teller->rows_));
    teller->call();
  };
  return {std::min<std::size_t>(threads == 0 ? cpu_count() : threads, 256), poll, {tell, this}};
}

void Teller::poll() {
  poll_signals();
  if (telling != nullptr) telling->call();
}

void Teller::call() const {
  if (callable_.is_none()) return;
  const nb::gil_scoped_acquire held;
  try {
    callable_(done_, rows_);
  } catch (nb::python_error& error) {
    error.restore();
    throw Cancelled();
  }
}

}  // namespace kinspace::bind
