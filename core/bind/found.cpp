// What a search found, as the two arrays Python gets.
#include "bind/found.hpp"

#include "bind/array.hpp"

namespace kinspace::bind {

nb::tuple to_arrays(const std::vector<std::vector<Found>>& found, int ndim) {
  const std::size_t m = found.size(), kk = m == 0 ? 0 : found[0].size();
  std::int64_t* positions;
  double* distances;
  nb::object first = ndim == 1 ? empty(kk, &positions) : empty(m, kk, &positions);
  nb::object second = ndim == 1 ? empty(kk, &distances) : empty(m, kk, &distances);
  for (const std::vector<Found>& one : found)
    for (const Found& row : one) {
      *positions++ = row.position;
      *distances++ = row.distance;
    }
  return nb::steal<nb::tuple>(PyTuple_Pack(2, first.ptr(), second.ptr()));
}

}  // namespace kinspace::bind
