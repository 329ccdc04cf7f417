// Linking nodes into a layer, batch by batch: searches against what is there, then edges back, sorted; so the result is
// the same for any number of threads (Dhulipala et al., ParlayANN, arXiv:2305.04359).
#pragma once
#include <memory>

#include "flat/items.hpp"
#include "hnsw/choose.hpp"
#include "hnsw/workspace.hpp"

namespace kinspace {

// Told how many nodes of how many are linked; may throw to stop.
struct Progress {
  void (*tell)(void* context, std::size_t done, std::size_t total) = nullptr;
  void* context = nullptr;
};

// How work on a graph is done.
struct Crew {
  std::size_t threads;
  Poll poll;
  Progress progress;
};

class Linker {
 public:
  Linker(Graph& graph, const Fine& fine, const Rows& rows, const Crew& crew);
  ~Linker();

  // Links nodes (of level >= layer, in the order given) into a layer in which `there` nodes are linked already.
  void link(std::size_t layer, const std::vector<std::uint32_t>& nodes, std::size_t there);
  // All nodes of a small layer at once, each compared with every other.
  void link_all(std::size_t layer, const std::vector<std::uint32_t>& nodes);
  // Sees to it that each of these nodes (layer 0) is a neighbour of one of its own.
  void hold(const std::vector<std::uint32_t>& nodes);
  // Links nodes that no search reaches (layer 0) from the nearest that one does; what can't be is made an entry.
  void relink(const std::vector<std::uint32_t>& nodes);

  std::size_t done = 0, total = 0;  // nodes, for the progress

 private:
  struct Thread;
  Thread& thread(std::size_t i);
  void search(std::size_t layer, std::uint32_t id, Thread& mine);
  // Gives targets new neighbours: pairs target << 32 | neighbour.
  void link_back(std::size_t layer, std::vector<std::uint64_t>& pairs);

  Graph& graph_;
  const Fine& fine_;
  const Rows& rows_;
  const Crew& crew_;
  std::vector<std::unique_ptr<Thread>> mine_;
};

}  // namespace kinspace
