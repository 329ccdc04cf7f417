// Queries made ready for the kernels: scaled, packed into tiles, with their bounds.
#pragma once
#include <cstddef>
#include <vector>

#include "flat/bounds.hpp"
#include "flat/buffer.hpp"
#include "flat/metric.hpp"
#include "simd/kernels.hpp"

namespace kinspace {

// Consecutive queries that one tile kernel compares at once.
struct Tile {
  std::size_t first, count, width;  // width = vectors * lanes >= count, the rest is zeros
  const float* packed;
};

struct Queries {
  // raw: m x dims finite floats, which must outlive this.
  Queries(const Kernels& kernels, Metric metric, const float* raw, std::size_t m, std::size_t dims);

  const float* query(std::size_t q) const { return raw + q * dims; }
  const float* scan_query(std::size_t q) const { return unit ? unit.data() + q * dims : query(q); }
  void distances(std::size_t q, const float* const* rows, std::size_t n, double* out) const {
    exact_distances(*kernels.exact, metric, query(q), squares[q], rows, n, dims, out);
  }
  // How near a row at that exact distance is, on the scale that candidates are compared on: greater is nearer. Rounded
  // so that every row at this distance or less has at least this as its upper bound.
  float nearness(std::size_t q, double distance) const;

  const Kernels& kernels;
  Metric metric;
  std::size_t m, dims;
  const float* raw;
  std::vector<double> squares;  // |q|^2, exact
  Bounds single, tiled;
  std::vector<Tile> tiles;  // queries from 0 …
  std::size_t singles;      // … and from here on, one by one

 private:
  void plan();
  void pack();
  Buffer<float> unit;  // queries of norm 1 (cosine, ip)
  Buffer<float> packed;
};

}  // namespace kinspace
