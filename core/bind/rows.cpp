// kinspace._core.Rows.
#include "bind/rows.hpp"

#include <cstring>
#include <string>

#include "bind/arguments.hpp"
#include "bind/bind.hpp"
#include "bind/gil.hpp"

namespace kinspace::bind {
namespace {

struct Stored {
  const char* name;
  Element element;
  Dtype dtype;  // of the arrays that hold it
};
constexpr Stored stored_as[] = {{"float32", Element::float32, dtype_of<float>},
                                {"float16", Element::float16, {'f', 2, "float16"}},
                                {"bfloat16", Element::bfloat16, dtype_of<std::uint16_t>},
                                {"int8", Element::int8, dtype_of<std::int8_t>},
                                {"bit", Element::bit, dtype_of<std::uint8_t>}};

const Stored& parse_stored(const std::string& name) {
  for (const Stored& one : stored_as)
    if (name == one.name) return one;
  throw nb::value_error(
      ("dtype must be 'float32', 'float16', 'bfloat16', 'int8' or 'bit'; got '" + name + "'").c_str());
}

void make_rows(PyRows* self, nb::handle chunks, nb::handle norms, nb::handle order, std::uint64_t order_base,
               std::size_t dims, nb::str dtype) {
  PyRows made;
  Rows& rows = made.rows;
  const Stored& stored = parse_stored(dtype.c_str());
  const bool bits = stored.element == Element::bit;
  if (bits && dims == 0) throw nb::value_error("chunks: packed bits need dims=");
  rows.element = stored.element;
  rows.dims = dims;
  rows.order_base = order_base;
  const nb::object list = parse_list(chunks, "chunks");
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(list.ptr());
  for (Py_ssize_t c = 0; c < count; ++c) {
    const nb::handle item = PySequence_Fast_GET_ITEM(list.ptr(), c);
    const RawArray chunk = raw_array(item, "chunks", stored.dtype, 2, 2, Layout::row_strided);
    if (rows.dims == 0) rows.dims = chunk.shape[1];
    if (chunk.shape[1] != (bits ? rows.row_bytes() : rows.dims))
      throw nb::value_error(bits ? "chunks: expected ceil(dims / 8) bytes a row"
                                 : "chunks: all must have the same dims");
    if (c == 0) rows.chunk_rows = chunk.shape[0];
    if (c + 1 < count ? chunk.shape[0] != rows.chunk_rows : chunk.shape[0] > rows.chunk_rows)
      throw nb::value_error("chunks: all but the last must have the same row count, the last no more");
    rows.chunks.push_back({static_cast<const std::byte*>(chunk.data), chunk.row_stride});
    rows.n += chunk.shape[0];
    made.keep.push_back(nb::borrow(item));
  }
  if (rows.chunk_rows == 0) rows.chunk_rows = 1;
  if (rows.dims == 0 && count == 0) throw nb::value_error("chunks: an empty list needs dims=");
  checked_dims(rows.dims, "chunks");
  if (!norms.is_none()) {
    const Array<float> given = array<float>(norms, "norms", 1, 1);
    if (given.shape[0] != rows.n) throw nb::value_error("norms: expected one for each row");
    rows.norms = given.data;
    made.keep.push_back(nb::borrow(norms));
  }
  if (!order.is_none()) {
    const Array<std::uint64_t> given = array<std::uint64_t>(order, "order", 1, 1);
    if (given.shape[0] != rows.n) throw nb::value_error("order: expected one for each row");
    rows.order = given.data;
    made.keep.push_back(nb::borrow(order));
  }
  new (self) PyRows(std::move(made));
}

nb::object gather(const PyRows& self, nb::handle rows) {
  constexpr std::size_t ahead = 8;
  const Array<std::int64_t> which = array<std::int64_t>(rows, "rows", 1, 1);
  const Rows& from = self.rows;
  const std::size_t m = which.shape[0], dims = from.dims, row_bytes = from.row_bytes();
  check_range(which, from.n, "row");
  float* out;
  nb::object result = empty(m, dims, &out);
  {
    const Unlocked unlocked(m * dims);
    for (std::size_t i = 0; i < m; ++i) {
      if (i + ahead < m) {
        const std::byte* next = from.bytes(static_cast<std::size_t>(which.data[i + ahead]));
        for (std::size_t b = 0; b < row_bytes; b += 64) __builtin_prefetch(next + b);
      }
      const std::byte* at = from.bytes(static_cast<std::size_t>(which.data[i]));
      if (from.wide()) {
        std::memcpy(out + i * dims, at, row_bytes);
      } else {
        widen(from.element, at, dims, out + i * dims);
      }
    }
  }
  return result;
}

}  // namespace

void bind_rows(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<PyRows>(m, "Rows")
      .def("__init__", make_rows, "chunks"_a.none(), nb::kw_only(), "norms"_a.none() = nb::none(),
           "order"_a.none() = nb::none(), "order_base"_a = 0, "dims"_a = 0, "dtype"_a = "float32")
      .def_prop_ro("n", [](const PyRows& self) { return self.rows.n; })
      .def_prop_ro("dims", [](const PyRows& self) { return self.rows.dims; })
      .def("gather", gather, "rows"_a.none());
}

}  // namespace kinspace::bind
