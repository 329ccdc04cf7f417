// The graph: layers of neighbours over quantized nodes, each node one or more rows with the same bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "codes/coder.hpp"
#include "codes/huge.hpp"
#include "flat/rows.hpp"

namespace kinspace {

constexpr std::uint32_t none = 0xffffffffu;

// How large an ef reached which recall on rows that were held out.
struct CurvePoint {
  std::uint32_t k, ef;
  float recall;
};

struct Changing;  // what is needed to change a graph, made when first needed

struct Graph {
  Graph();
  ~Graph();
  Coder coder;
  std::size_t M = 16, ef_construction = 200;
  std::size_t degree = 0, upper_degree = 0;  // places in a record: 2M and M, rounded up to 16

  std::size_t nodes = 0;
  Huge codes, records, upper_records;  // of every node; of layers 1… of those that are in them
  std::vector<float> scale, norm;      // of every node: of its code, and |x|^2 (where records have it)
  std::vector<std::uint8_t> level;
  std::vector<std::uint32_t> upper;    // a node's first upper record, or none
  std::size_t upper_count = 0;         // upper records in use
  std::size_t top = 0;                 // the highest layer
  std::uint32_t entry = none;          // a node of it
  std::vector<std::uint32_t> entries;  // where searches begin: the nearest of these

  std::vector<std::uint32_t> row;   // of every node: its first row, or none if it is dead
  std::vector<std::uint32_t> node;  // of every row: its node, or none
  std::vector<std::uint32_t>
      next;              // of every row: the next, by rank, with the same bytes, or none; empty while all differ
  std::size_t rows = 0;  // rows in the graph …
  std::vector<std::uint64_t> present;  // … and a bitmap of them
  std::size_t live = 0;                // nodes that have rows
  std::size_t built = 0;               // nodes there were when the layers were made

  std::vector<CurvePoint> curve;
  float slack = 0;  // root mean square error of coded distances, for a query of length 1; 0 while not measured
  std::unique_ptr<Changing> changing;

  // The nodes a search passes through and does not return.
  std::size_t dead() const { return nodes - live; }

  std::size_t record_size() const { return record_bytes(degree, coder.factors); }
  std::size_t upper_size() const { return record_bytes(upper_degree, coder.factors); }
  std::uint8_t* record(std::size_t layer, std::uint32_t id) const {
    return layer == 0 ? records.data() + id * record_size()
                      : upper_records.data() + (upper[id] + layer - 1) * upper_size();
  }
  std::size_t places(std::size_t layer) const { return layer == 0 ? degree : upper_degree; }
  std::size_t most(std::size_t layer) const { return layer == 0 ? 2 * M : M; }  // neighbours
  const std::uint32_t* neighbours(std::size_t layer, std::uint32_t id) const {
    return reinterpret_cast<const std::uint32_t*>(record(layer, id));
  }
  // Neighbours come first, then places that repeat the owner.
  std::size_t count(std::size_t layer, std::uint32_t id) const {
    const std::uint32_t* ids = neighbours(layer, id);
    std::size_t n = 0;
    while (n < places(layer) && ids[n] != id) ++n;
    return n;
  }
  void set_present(std::uint32_t r) { present[r / 64] |= std::uint64_t{1} << r % 64; }
  void set_neighbours(std::size_t layer, std::uint32_t id, const std::uint32_t* ids, std::size_t n);
  std::uint32_t next_of(std::uint32_t r) const { return next.empty() ? none : next[r]; }
  std::size_t bytes() const;
};

}  // namespace kinspace
