// A Graph as arrays, and back.
#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

#include "bind/gil.hpp"
#include "bind/graph.hpp"
#include "hnsw/stored.hpp"

namespace kinspace::bind {
namespace {}  // namespace

nb::dict graph_arrays(const PyGraph& self) {
  const Reading reading(self);
  std::vector<std::vector<std::uint64_t>> scratch;
  nb::dict arrays;
  for (const StoredArray& one : stored(*self.graph, scratch)) {
    const Dtype dtype{one.kind, one.size, ""};
    void* data;
    nb::object made =
        one.columns > 0 ? empty_array(dtype, one.rows, one.columns, &data) : empty_array(dtype, one.rows, &data);
    const std::size_t bytes = one.rows * std::max<std::size_t>(one.columns, 1) * static_cast<std::size_t>(one.size);
    if (bytes != 0) std::memcpy(data, one.data, bytes);
    arrays[one.name] = made;
  }
  return arrays;
}

PyGraph* restore_graph(nb::handle rows, nb::dict arrays) {
  const PyRows& given = parse_rows(rows);
  std::vector<StoredArray> found;
  for (const char* name : {"header", "curve", "neighbours", "upper_neighbours", "codes", "scale", "norm", "level",
                           "upper", "row", "next", "entries", "mean"}) {
    if (!arrays.contains(name)) throw nb::value_error((std::string("the graph's ") + name + " is missing").c_str());
    const nb::object object = arrays[name];
    const auto add = [&](const auto& a, char kind, int size) {
      found.push_back({name, kind, size, a.shape[0], a.ndim == 2 ? a.shape[1] : 0, a.data});
    };
    const std::string_view n = name;
    if (n == "header" || n == "curve") {
      add(array<std::uint64_t>(object, name, 1, 2), 'u', 8);
    } else if (n == "codes" || n == "level") {
      add(array<std::uint8_t>(object, name, 1, 2), 'u', 1);
    } else if (n == "scale" || n == "norm" || n == "mean") {
      add(array<float>(object, name, 1, 2), 'f', 4);
    } else {
      add(array<std::uint32_t>(object, name, 1, 2), 'u', 4);
    }
  }
  auto made = std::make_unique<PyGraph>();
  made->owner = nb::borrow(rows);
  made->rows = &given.rows;
  try {
    const Unlocked unlocked(much);
    made->graph = restore(found, given.rows);
  } catch (const std::invalid_argument& error) {
    throw nb::value_error(error.what());
  }
  return made.release();
}

}  // namespace kinspace::bind
