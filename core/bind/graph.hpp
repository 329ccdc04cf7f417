// A graph with the Python object that owns its rows, and the locks between those who search and those who change it.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <vector>

#include "bind/rows.hpp"
#include "hnsw/graph.hpp"

namespace kinspace::bind {

constexpr std::size_t much = std::size_t{1} << 40;  // work for which the interpreter's lock is let go

struct PyGraph {
  std::unique_ptr<Graph> graph;
  nb::object owner;  // of rows
  const Rows* rows = nullptr;
  mutable std::shared_mutex lock;  // of all of the above
  // Who waits to write has the gate, and those who come to read wait behind it: readers never cease otherwise.
  mutable std::mutex gate;
  mutable std::atomic<int> waiting{0};
  std::mutex changing;                    // held by the one who changes the graph, all the while
  std::atomic<unsigned long> changer{0};  // its thread, or 0
};

// The interpreter's lock is never held while waiting for the graph's: whoever has that may want the interpreter's.
class Reading {
 public:
  explicit Reading(const PyGraph& graph) : lock_(graph.lock, std::defer_lock) {
    ++held;
    if (graph.waiting.load() == 0 && lock_.try_lock()) return;
    const nb::gil_scoped_release unlocked;
    std::unique_lock behind(graph.gate, std::defer_lock);
    if (held == 1) behind.lock();  // who reads already does not wait behind who may wait for it
    lock_.lock();
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading() { --held; }
  static bool here() { return held > 0; }  // on this thread

 private:
  static inline thread_local int held = 0;
  std::shared_lock<std::shared_mutex> lock_;
};

// For a thread that does not hold the interpreter's lock.
class Writing {
 public:
  explicit Writing(PyGraph& graph) : lock_(graph.lock, std::defer_lock) {
    ++graph.waiting;
    {
      const std::lock_guard first(graph.gate);
      lock_.lock();
    }
    --graph.waiting;
  }

 private:
  std::unique_lock<std::shared_mutex> lock_;
};

// One change at a time. A change from within a change (by progress=, or a signal's handler) is a RuntimeError.
class Changing {
 public:
  explicit Changing(PyGraph& graph) : graph_(graph), lock_(graph.changing, std::defer_lock) {
    const unsigned long me = PyThread_get_thread_ident();
    if (graph.changer.load() == me || Reading::here())
      throw std::runtime_error("a graph can't be changed from within a change or a search on the same thread");
    const nb::gil_scoped_release unlocked;
    lock_.lock();
    graph_.changer = me;
  }
  Changing(const Changing&) = delete;
  Changing& operator=(const Changing&) = delete;
  ~Changing() { graph_.changer = 0; }

 private:
  PyGraph& graph_;
  std::unique_lock<std::mutex> lock_;
};

// Rows, or TypeError; ValueError if they are too many for a graph, or bits.
const PyRows& parse_rows(nb::handle rows);
std::vector<std::uint32_t> all_of(const Rows& rows);

nb::tuple search_graph_for(const PyGraph& self, nb::handle queries, nb::handle count, std::size_t ef, float recall,
                           nb::handle mask, bool exactly, std::size_t threads);
void insert_rows(PyGraph& self, nb::handle rows, nb::handle which, std::size_t threads, nb::handle progress);
void remove_rows(PyGraph& self, nb::handle which, std::size_t threads);
PyGraph* merge_graph(PyGraph& self, nb::handle rows, nb::handle to, std::size_t threads, nb::handle progress);
nb::dict graph_arrays(const PyGraph& self);
PyGraph* restore_graph(nb::handle rows, nb::dict arrays);

}  // namespace kinspace::bind
