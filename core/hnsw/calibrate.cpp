// Held-out rows against the exact scan.
#include "hnsw/calibrate.hpp"

#include <algorithm>
#include <cmath>

#include "flat/search.hpp"
#include "hnsw/filter.hpp"
#include "hnsw/search.hpp"
#include "simd/dispatch.hpp"

namespace kinspace {
namespace {

constexpr std::size_t ks[] = {1, 10, 100};
constexpr std::size_t efs[] = {4,   6,   8,   10,  12,  16,  20,  24,  32,  40,  50,   64,  80,
                               100, 128, 160, 200, 256, 320, 400, 512, 640, 800, 1024, 2048};
constexpr float enough = 0.995f;
constexpr std::size_t large = 200, few = 100;  // beyond that ef, no more queries than that
constexpr double margin = 1.5;                 // standard errors that the curve stays below what was seen

}  // namespace

std::size_t held_out(std::size_t nodes) { return nodes < 2000 ? 0 : std::min<std::size_t>(nodes / 16, 400); }

void calibrate(Graph& graph, const Rows& rows, const std::vector<std::uint32_t>& held, const Crew& crew) {
  graph.curve.clear();
  graph.slack = 0;
  if (held.empty()) return;
  std::vector<std::uint64_t> live((rows.n + 63) / 64, 0);
  std::vector<std::uint8_t> out(graph.nodes, 0);
  for (const std::uint32_t id : held) out[id] = 1;
  std::size_t there = 0;
  for (std::uint32_t id = 0; id < graph.nodes; ++id)
    for (std::uint32_t r = out[id] != 0 ? none : graph.row[id]; r != none; r = graph.next_of(r)) {
      live[r / 64] |= std::uint64_t{1} << r % 64;
      ++there;
    }
  const Metric metric = graph.coder.metric;
  const std::size_t m = held.size(), dims = rows.dims;
  std::vector<float> queries(m * dims);
  std::vector<double> squares_of(m);
  const Room room(rows, 1);
  for (std::size_t q = 0; q < m; ++q) {
    std::copy_n(rows.row(graph.row[held[q]], room.at(0)), dims, &queries[q * dims]);
    squares_of[q] = squares(exact(), &queries[q * dims], dims);
  }
  Parts parts;
  parts.parts.push_back({&rows, live.data(), 0});
  parts.n = rows.n;
  parts.dims = dims;
  parts.by_position = rows.order == nullptr;
  const Considered considered{parts, {}, -1};
  const auto truth = search(metric, queries.data(), m, considered, ks[2], crew.threads, crew.poll);
  Allowed allowed;
  allowed.count = there;
  if (graph.coder.quantized()) {
    double sum = 0;
    for (std::size_t q = 0; q < m; ++q) {
      const float one = coded_error(graph, rows, {&queries[q * dims], squares_of[q], 1, 32, 0});
      sum += static_cast<double>(one * one);
    }
    graph.slack = static_cast<float>(std::sqrt(sum / static_cast<double>(m)));
  }
  for (const std::size_t k : ks)
    for (const std::size_t ef : efs) {
      if (ef < k) continue;
      const std::size_t asked = ef > large ? std::min(m, few) : m;
      std::vector<double> right(asked, 0.0);
      for_items(asked, crew.threads, crew.poll, [&](std::size_t, std::size_t q) {
        std::vector<Found> found;
        const Wanted wanted{&queries[q * dims], squares_of[q], k, ef, 0};
        traverse_graph(graph, rows, wanted, allowed, ef, found);
        const double far = truth[q][std::min(k, truth[q].size()) - 1].distance;
        for (const Found& one : found) right[q] += one.distance <= far ? 1.0 / static_cast<double>(k) : 0.0;
        return true;
      });
      double sum = 0, squared = 0;
      for (const double one : right) {
        sum += one;
        squared += one * one;
      }
      const double count = static_cast<double>(asked), mean = sum / count;
      const double error = std::sqrt(std::max(0.0, squared / count - mean * mean) / count);
      const auto recall = static_cast<float>(std::max(0.0, mean - margin * error));
      graph.curve.push_back({static_cast<std::uint32_t>(k), static_cast<std::uint32_t>(ef), recall});
      if (recall >= enough || dearer_than_exact(graph, there, ef)) break;
    }
}

}  // namespace kinspace
