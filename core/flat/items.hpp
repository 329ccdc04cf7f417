// Work cut into items that threads take one after another, with a look at signals now and then.
#pragma once
#include <chrono>
#include <cstddef>

namespace kinspace {

using Poll = void (*)();  // looks at signals; throws to stop

// Polls about every 50 ms, on the calling thread.
class Pulse {
 public:
  explicit Pulse(Poll poll) : poll_(poll), last_(Clock::now()) {}
  void beat() {
    if (Clock::now() - last_ < std::chrono::milliseconds(50)) return;
    poll_();
    last_ = Clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Poll poll_;
  Clock::time_point last_;
};

// Calls body(context, thread, item) for every item, on the caller (thread 0) and up to threads - 1 more, until one
// returns false. What body or poll throws stops everybody and is thrown again here.
void for_items(std::size_t items, std::size_t threads, Poll poll,
               bool (*body)(void* context, std::size_t thread, std::size_t item), void* context);

template <class Body>  // bool(std::size_t thread, std::size_t item)
void for_items(std::size_t items, std::size_t threads, Poll poll, Body body) {
  for_items(
      items, threads, poll,
      [](void* context, std::size_t thread, std::size_t item) { return (*static_cast<Body*>(context))(thread, item); },
      &body);
}

// How many threads so many multiply-adds are worth, when the caller leaves it open (asked = 0).
std::size_t threads_for(std::size_t asked, double work);

}  // namespace kinspace
