// The loop every thread runs.
#include "flat/items.hpp"

#include <atomic>
#include <exception>
#include <mutex>
#include <optional>

#include "flat/threads.hpp"

namespace kinspace {
namespace {

constexpr double worth_threads = 4e6;  // below, waking a thread costs more than it brings

struct Job {
  std::size_t items;
  Poll poll;
  bool (*body)(void*, std::size_t, std::size_t);
  void* context;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};
  std::mutex failing{};
  std::exception_ptr failure{};

  void take_items(std::size_t thread) {
    std::optional<Pulse> pulse;
    if (thread == 0 && items > 1) pulse.emplace(poll);
    while (!stop.load(std::memory_order_relaxed)) {
      const std::size_t item = next.fetch_add(1, std::memory_order_relaxed);
      if (item >= items) return;
      if (!body(context, thread, item)) stop = true;
      if (pulse) pulse->beat();
    }
  }

  void serve(std::size_t thread) noexcept {
    try {
      take_items(thread);
    } catch (...) {
      stop = true;
      const std::lock_guard lock(failing);
      if (failure == nullptr) failure = std::current_exception();
    }
  }
};

}  // namespace

void for_items(std::size_t items, std::size_t threads, Poll poll, bool (*body)(void*, std::size_t, std::size_t),
               void* context) {
  Job job{items, poll, body, context};
  together(
      threads < items ? threads : items, [](void* self, std::size_t i) { static_cast<Job*>(self)->serve(i); }, &job);
  if (job.failure != nullptr) std::rethrow_exception(job.failure);
}

std::size_t threads_for(std::size_t asked, double work) {
  if (asked != 0) return asked;
  return work < worth_threads ? 1 : cpu_count();
}

}  // namespace kinspace
