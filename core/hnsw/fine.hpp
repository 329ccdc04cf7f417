// Squared distances between nodes, finer than traversal needs: what neighbours are chosen by. 8-bit codes of all nodes
// that are there while a graph is built or changed; floats where the graph's own codes are floats.
#pragma once
#include <vector>

#include "hnsw/graph.hpp"

namespace kinspace {

class Fine {
 public:
  void resize(const Graph& graph, std::size_t nodes);
  void set(const Graph& graph, std::uint32_t id, const float* x);  // x: the prepared row
  std::size_t nodes() const { return nodes_; }
  std::size_t bytes() const { return codes_.room() + scale_.capacity() * 12; }

  // Its own scratch for each thread.
  struct From {
    Buffer<std::int8_t> q;
    std::vector<std::int32_t> sums;
    std::uint32_t id = none;
  };
  // Makes id the node that distances are from.
  void begin(const Graph& graph, std::uint32_t id, From& from) const;
  void distances(const Graph& graph, From& from, const std::uint32_t* ids, std::size_t n, float* out) const;

 private:
  std::size_t nodes_ = 0, lines_ = 0;
  Huge codes_;
  std::vector<float> scale_, norm_;  // norm: |x|^2 of what the code stands for
  std::vector<std::int32_t> sum_;    // of the code's steps
};

}  // namespace kinspace
