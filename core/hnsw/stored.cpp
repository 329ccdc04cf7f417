// To arrays and back.
#include "hnsw/stored.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace kinspace {
namespace {

enum Field : std::size_t {
  version,
  metric,
  dims,
  row_count,
  M,
  efc,
  nodes,
  uppers,
  top,
  entry,
  built,
  curve,
  unit,
  slack,
  rotated,  // from version 2 on
  fields
};

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument("the graph's " + what); }

void expect(bool holds, const char* what) {
  if (!holds) refuse(what);
}

const StoredArray& find(const std::vector<StoredArray>& arrays, const char* name, char kind, int size, std::size_t rows,
                        std::size_t columns) {
  for (const StoredArray& one : arrays) {
    if (std::strcmp(one.name, name) != 0) continue;
    if (one.kind != kind || one.size != size || one.rows != rows || one.columns != columns)
      refuse(std::string(name) + " has another type or shape than its header says");
    return one;
  }
  refuse(std::string(name) + " is missing");
}

template <class T>
std::vector<T> copy(const StoredArray& from) {
  const auto* begin = static_cast<const T*>(from.data);
  return {begin, begin + from.rows * std::max<std::size_t>(from.columns, 1)};
}

// With all fields, whichever version it is of.
std::vector<std::uint64_t> read_header(const std::vector<StoredArray>& arrays) {
  const bool first = std::any_of(arrays.begin(), arrays.end(), [](const StoredArray& one) {
    return std::strcmp(one.name, "header") == 0 && one.rows == rotated;
  });
  auto header = copy<std::uint64_t>(find(arrays, "header", 'u', 8, first ? rotated : fields, 0));
  expect(header[version] == (first ? 1 : 2), "version is not one this release reads");
  header.resize(fields, 0);
  return header;
}

// Each row of the graph is in the chain of one node; sets node, rows, live and present.
void check_rows(Graph& graph, std::size_t n) {
  graph.node.assign(n, none);
  graph.present.assign((n + 63) / 64, 0);
  for (std::uint32_t id = 0; id < graph.nodes; ++id) {
    if (graph.row[id] != none) ++graph.live;
    for (std::uint32_t r = graph.row[id]; r != none; r = graph.next_of(r)) {
      expect(r < n && graph.node[r] == none, "rows are out of range or named twice");
      graph.node[r] = id;
      graph.set_present(r);
      ++graph.rows;
    }
  }
}

void check_levels(const Graph& graph) {
  std::vector<std::uint8_t> used(graph.upper_count, 0);
  for (std::uint32_t id = 0; id < graph.nodes; ++id) {
    expect(graph.level[id] <= graph.top, "levels are out of range");
    if (graph.level[id] == 0) continue;
    expect(graph.upper[id] < graph.upper_count && graph.level[id] <= graph.upper_count - graph.upper[id],
           "upper records are out of range");
    for (std::size_t l = 0; l < graph.level[id]; ++l) {
      expect(used[graph.upper[id] + l] == 0, "upper records are used twice");
      used[graph.upper[id] + l] = 1;
    }
  }
}

// seen: for every node, who named it last.
void set_layer(Graph& graph, std::size_t layer, std::uint32_t id, const std::uint32_t* ids,
               std::vector<std::uint32_t>& seen) {
  const std::size_t room = graph.places(layer);
  for (std::size_t i = 0; i < room; ++i)
    expect(ids[i] < graph.nodes && graph.level[ids[i]] >= layer, "neighbours are out of range");
  std::size_t n = 0;
  while (n < room && ids[n] != id) ++n;
  for (std::size_t i = 0; i < n; ++i) {
    expect(seen[ids[i]] != id, "neighbours are named twice");
    seen[ids[i]] = id;
  }
  graph.set_neighbours(layer, id, ids, n);
}

}  // namespace

std::vector<StoredArray> stored(const Graph& graph, std::vector<std::vector<std::uint64_t>>& scratch) {
  const std::size_t n = graph.nodes;
  scratch.assign(4, {});
  scratch[0].resize(fields);
  std::vector<std::uint64_t>& header = scratch[0];
  header[version] = 2;
  header[metric] = static_cast<std::uint64_t>(graph.coder.metric);
  header[dims] = graph.coder.dims;
  header[row_count] = graph.node.size();
  header[M] = graph.M;
  header[efc] = graph.ef_construction;
  header[nodes] = n;
  header[uppers] = graph.upper_count;
  header[top] = graph.top;
  header[entry] = graph.entry;
  header[built] = graph.built;
  header[curve] = graph.curve.size();
  header[unit] = std::bit_cast<std::uint32_t>(graph.coder.unit);
  header[slack] = std::bit_cast<std::uint32_t>(graph.slack);
  header[rotated] = graph.coder.rotation ? 1 : 0;
  for (const CurvePoint& point : graph.curve) {
    scratch[1].push_back(point.k);
    scratch[1].push_back(point.ef);
    scratch[1].push_back(std::bit_cast<std::uint32_t>(point.recall));
  }
  scratch[2].resize((n * graph.degree + 1) / 2);
  scratch[3].resize((graph.upper_count * graph.upper_degree + 1) / 2);
  auto* near = reinterpret_cast<std::uint32_t*>(scratch[2].data());
  for (std::uint32_t id = 0; id < n; ++id) {
    std::copy_n(graph.neighbours(0, id), graph.degree, near + id * graph.degree);
    auto* upper = reinterpret_cast<std::uint32_t*>(scratch[3].data());
    for (std::size_t l = 1; l <= graph.level[id]; ++l)
      std::copy_n(graph.neighbours(l, id), graph.upper_degree, upper + (graph.upper[id] + l - 1) * graph.upper_degree);
  }
  return {{"header", 'u', 8, header.size(), 0, header.data()},
          {"curve", 'u', 8, graph.curve.size(), 3, scratch[1].data()},
          {"neighbours", 'u', 4, n, graph.degree, near},
          {"upper_neighbours", 'u', 4, graph.upper_count, graph.upper_degree, scratch[3].data()},
          {"codes", 'u', 1, n, graph.coder.code_bytes(), graph.codes.data()},
          {"scale", 'f', 4, n, 0, graph.scale.data()},
          {"norm", 'f', 4, graph.norm.size(), 0, graph.norm.data()},
          {"level", 'u', 1, n, 0, graph.level.data()},
          {"upper", 'u', 4, n, 0, graph.upper.data()},
          {"row", 'u', 4, n, 0, graph.row.data()},
          {"next", 'u', 4, graph.next.size(), 0, graph.next.data()},
          {"entries", 'u', 4, graph.entries.size(), 0, graph.entries.data()},
          {"mean", 'f', 4, graph.coder.mean.size(), 0, graph.coder.mean.data()}};
}

std::unique_ptr<Graph> restore(const std::vector<StoredArray>& arrays, const Rows& rows) {
  auto made = std::make_unique<Graph>();
  Graph& graph = *made;
  const std::vector<std::uint64_t> header = read_header(arrays);
  expect(header[metric] <= 2 && header[dims] == rows.dims && header[row_count] == rows.n,
         "metric, dims or rows are not those expected");
  expect(header[M] >= 2 && header[M] <= 512 && header[efc] >= 1 && header[efc] <= 65536,
         "M or ef_construction is out of range");
  expect(header[nodes] <= none / 2 && header[uppers] < none && header[top] < 64 && header[curve] < 1000,
         "header is out of range");
  graph.coder = Coder(static_cast<Metric>(header[metric]), rows.dims);
  graph.coder.unit = std::bit_cast<float>(static_cast<std::uint32_t>(header[unit]));
  expect(std::isfinite(graph.coder.unit) && graph.coder.unit > 0, "unit is out of range");
  expect(header[rotated] <= (graph.coder.rotatable() ? 1 : 0), "rotation is out of range");
  if (header[rotated] == 1) graph.coder.rotation = Rotation(graph.coder.padded);
  graph.slack = std::bit_cast<float>(static_cast<std::uint32_t>(header[slack]));
  expect(std::isfinite(graph.slack) && graph.slack >= 0, "slack is out of range");
  graph.M = header[M];
  graph.ef_construction = header[efc];
  graph.degree = (2 * graph.M + 15) / 16 * 16;
  graph.upper_degree = (graph.M + 15) / 16 * 16;
  graph.nodes = header[nodes];
  graph.upper_count = header[uppers];
  graph.top = header[top];
  graph.built = header[built];
  const std::size_t n = graph.nodes;
  const StoredArray& codes = find(arrays, "codes", 'u', 1, n, graph.coder.code_bytes());
  const StoredArray& near = find(arrays, "neighbours", 'u', 4, n, graph.degree);
  const StoredArray& upper = find(arrays, "upper_neighbours", 'u', 4, graph.upper_count, graph.upper_degree);
  graph.scale = copy<float>(find(arrays, "scale", 'f', 4, n, 0));
  graph.norm = copy<float>(find(arrays, "norm", 'f', 4, graph.coder.factors > 1 ? n : 0, 0));
  graph.level = copy<std::uint8_t>(find(arrays, "level", 'u', 1, n, 0));
  graph.upper = copy<std::uint32_t>(find(arrays, "upper", 'u', 4, n, 0));
  graph.row = copy<std::uint32_t>(find(arrays, "row", 'u', 4, n, 0));
  graph.coder.mean = copy<float>(find(arrays, "mean", 'f', 4, graph.coder.padded, 0));
  for (const StoredArray& one : arrays) {
    const bool next = std::strcmp(one.name, "next") == 0;
    if (!next && std::strcmp(one.name, "entries") != 0) continue;
    expect(one.kind == 'u' && one.size == 4 && one.columns == 0, "next or entries has another type");
    (next ? graph.next : graph.entries) = copy<std::uint32_t>(one);
  }
  expect(graph.next.empty() || graph.next.size() == rows.n, "next has another length than there are rows");
  const auto points = copy<std::uint64_t>(find(arrays, "curve", 'u', 8, header[curve], 3));
  for (std::size_t i = 0; i < points.size(); i += 3) {
    const auto recall = std::bit_cast<float>(static_cast<std::uint32_t>(points[i + 2]));
    expect(points[i] >= 1 && points[i] <= 65536 && points[i + 1] >= 1 && points[i + 1] <= 65536 && recall >= 0 &&
               recall <= 1,
           "curve is out of range");
    graph.curve.push_back({static_cast<std::uint32_t>(points[i]), static_cast<std::uint32_t>(points[i + 1]), recall});
  }
  const auto finite = [](float x) { return std::isfinite(x); };
  expect(std::all_of(graph.coder.mean.begin(), graph.coder.mean.end(), finite), "mean is not finite");
  check_rows(graph, rows.n);
  check_levels(graph);
  graph.entry = static_cast<std::uint32_t>(header[entry]);
  if (graph.live > 0) {
    expect(header[entry] < n && graph.level[header[entry]] == graph.top, "entry is out of range");
    expect(!graph.entries.empty(), "entries are missing");
  }
  for (const std::uint32_t id : graph.entries) expect(id < n, "entries are out of range");
  graph.codes.grow(n * graph.coder.code_bytes());
  if (n != 0) std::memcpy(graph.codes.data(), codes.data, n * graph.coder.code_bytes());
  graph.records.grow(n * graph.record_size());
  graph.upper_records.grow(graph.upper_count * graph.upper_size());
  std::vector<std::uint32_t> seen(n, none);
  for (std::uint32_t id = 0; id < n; ++id)
    set_layer(graph, 0, id, static_cast<const std::uint32_t*>(near.data) + id * graph.degree, seen);
  for (std::size_t l = 1; l <= graph.top; ++l) {
    std::fill(seen.begin(), seen.end(), none);
    for (std::uint32_t id = 0; id < n; ++id)
      if (graph.level[id] >= l)
        set_layer(graph, l, id,
                  static_cast<const std::uint32_t*>(upper.data) + (graph.upper[id] + l - 1) * graph.upper_degree, seen);
  }
  return made;
}

}  // namespace kinspace
