// The shape of planes.
#include "codes/plane.hpp"

#include "simd/plane.hpp"

namespace kinspace {

std::vector<std::size_t> plane_lengths(std::size_t dims) {
  std::vector<std::size_t> lengths;
  for (std::size_t length = 64; length < dims; length *= 2) lengths.push_back(length);
  lengths.push_back(dims);
  return lengths;
}

std::size_t plane_room(std::size_t rows) { return (rows + plane_rows - 1) / plane_rows * plane_rows; }
std::size_t plane_block_bytes(std::size_t width) { return (width + plane_dims - 1) / plane_dims * plane_line; }
std::size_t plane_row_bytes(std::size_t width) { return (width + plane_pad - 1) / plane_pad * plane_pad; }

}  // namespace kinspace
