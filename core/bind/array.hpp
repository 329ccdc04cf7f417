// NumPy arrays at the border: checked views in, fresh arrays out, no copies and no NumPy headers.
#pragma once
#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kinspace::bind {

namespace nb = nanobind;

enum class Layout : std::uint8_t { contiguous, row_strided };  // row_strided: only the last axis must be dense

struct Dtype {
  char kind;
  int size;
  const char* name;
};
template <class T>
inline constexpr Dtype dtype_of{};
template <>
inline constexpr Dtype dtype_of<float>{'f', 4, "float32"};
template <>
inline constexpr Dtype dtype_of<double>{'f', 8, "float64"};
template <>
inline constexpr Dtype dtype_of<std::int64_t>{'i', 8, "int64"};
template <>
inline constexpr Dtype dtype_of<std::uint64_t>{'u', 8, "uint64"};
template <>
inline constexpr Dtype dtype_of<std::uint32_t>{'u', 4, "uint32"};
template <>
inline constexpr Dtype dtype_of<std::uint8_t>{'u', 1, "uint8"};
template <>
inline constexpr Dtype dtype_of<std::uint16_t>{'u', 2, "uint16"};
template <>
inline constexpr Dtype dtype_of<std::int8_t>{'i', 1, "int8"};
template <>
inline constexpr Dtype dtype_of<bool>{'b', 1, "bool"};

struct RawArray {
  const void* data;
  int ndim;
  std::size_t shape[2];
  std::ptrdiff_t row_stride;  // bytes between rows of a 2-d array
};

// The array's memory, or TypeError saying what was expected of `name` and what came. The caller keeps `object` alive.
RawArray raw_array(nb::handle object, const char* name, const Dtype& dtype, int min_ndim, int max_ndim, Layout layout);

template <class T>
struct Array {
  const T* data;
  int ndim;
  std::size_t shape[2];
  std::ptrdiff_t stride;  // elements between rows
};

template <class T>
Array<T> array(nb::handle object, const char* name, int min_ndim, int max_ndim, Layout layout = Layout::contiguous) {
  const RawArray raw = raw_array(object, name, dtype_of<T>, min_ndim, max_ndim, layout);
  return {static_cast<const T*>(raw.data),
          raw.ndim,
          {raw.shape[0], raw.shape[1]},
          raw.row_stride / static_cast<std::ptrdiff_t>(sizeof(T))};
}

// numpy.empty(shape, dtype): uninitialised memory that Python owns. MemoryError when there is none.
nb::object empty_array(const Dtype& dtype, std::size_t n, void** data);
nb::object empty_array(const Dtype& dtype, std::size_t n, std::size_t columns, void** data);

template <class T>
nb::object empty(std::size_t n, T** data) {
  return empty_array(dtype_of<T>, n, reinterpret_cast<void**>(data));
}
template <class T>
nb::object empty(std::size_t n, std::size_t columns, T** data) {
  return empty_array(dtype_of<T>, n, columns, reinterpret_cast<void**>(data));
}

void import_numpy();  // once, at import of the module

}  // namespace kinspace::bind
