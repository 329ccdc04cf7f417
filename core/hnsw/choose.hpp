// Which candidates become neighbours.
#pragma once
#include "hnsw/fine.hpp"

namespace kinspace {

struct Near {
  float distance;  // squared
  std::uint32_t id;
  bool operator<(const Near& other) const {
    return distance != other.distance ? distance < other.distance : id < other.id;
  }
};

struct Chooser {
  Fine::From from;
  std::vector<std::uint32_t> ids;
  std::vector<float> distances;
  std::vector<std::uint32_t> places;
  std::vector<unsigned char> out;
};

// Of candidates, nearest first, keeps in place those nearer to the node than to any that is kept (arXiv:1603.09320,
// algorithm 4), at most `most` and some even if all are alike; returns how many.
std::size_t choose(const Graph& graph, const Fine& fine, Chooser& chooser, std::vector<Near>& candidates,
                   std::size_t most);

}  // namespace kinspace
