// A pool of sleeping threads with one job at a time.
#include "flat/threads.hpp"

#include <pthread.h>
#include <signal.h>
#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace kinspace {
namespace {

constexpr std::size_t most_threads = 256;

class Pool {
 public:
  std::atomic_flag taken = ATOMIC_FLAG_INIT;

  void run(std::size_t wanted, void (*work)(void*, std::size_t), void* context) {
    start(wanted - 1);
    {
      const std::lock_guard lock(mutex_);
      work_ = work;
      context_ = context;
      joined_ = 0;
      places_ = std::min(wanted - 1, started_);
    }
    wake_.notify_all();
    work(context, 0);
    std::unique_lock lock(mutex_);
    places_ = joined_;  // who has not woken by now need not
    done_.wait(lock, [this] { return active_ == 0; });
  }

 private:
  void start(std::size_t count) {
    if (started_ >= count) return;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for Python's threads
    try {
      for (; started_ < count; ++started_) std::thread([this] { serve(); }).detach();
    } catch (const std::exception&) {  // no more threads to be had: fewer will do
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  [[noreturn]] void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return joined_ < places_; });
      const std::size_t i = ++joined_;
      ++active_;
      lock.unlock();
      work_(context_, i);
      lock.lock();
      if (--active_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::size_t started_ = 0;  // only the one who has taken the pool looks
  std::size_t joined_ = 0, places_ = 0, active_ = 0;
  void (*work_)(void*, std::size_t) = nullptr;
  void* context_ = nullptr;
};

std::atomic<Pool*> pool{nullptr};  // never freed: its threads may outlive static destructors

Pool& the_pool() {
  Pool* there = pool.load(std::memory_order_acquire);
  if (there != nullptr) return *there;
  static const int registered = pthread_atfork(nullptr, nullptr, [] { pool.store(nullptr); });  // its threads are gone
  (void)registered;
  auto* made = new Pool;
  if (pool.compare_exchange_strong(there, made)) return *made;
  delete made;
  return *there;
}

}  // namespace

std::size_t cpu_count() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<std::size_t>(CPU_COUNT(&set));
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

void together(std::size_t wanted, void (*work)(void*, std::size_t), void* context) {
  wanted = std::min(wanted, most_threads);
  if (wanted <= 1) return work(context, 0);
  Pool& mine = the_pool();
  if (mine.taken.test_and_set(std::memory_order_acquire)) return work(context, 0);
  mine.run(wanted, work, context);
  mine.taken.clear(std::memory_order_release);
}

}  // namespace kinspace
