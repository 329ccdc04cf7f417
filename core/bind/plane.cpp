// kinspace._core.Plane.
#include "bind/plane.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string_view>

#include "bind/arguments.hpp"
#include "bind/bind.hpp"
#include "bind/gil.hpp"
#include "flat/errors.hpp"

namespace kinspace::bind {
namespace {

struct Shape {
  const char* name;
  std::size_t rows, columns;  // columns 0: one axis
  bool bytes;                 // else float32
};

std::vector<Shape> shapes(Metric metric, std::size_t width, std::size_t room, bool rotated) {
  const std::size_t lengths = plane_lengths(width).size();
  std::vector<Shape> all = {{"mean", width, 0, false},
                            {"codes4", room / 16, plane_block_bytes(width), true},
                            {"codes8", room, plane_row_bytes(width), true},
                            {"scales", 2, room, false},
                            {"errors4", lengths, room, false},
                            {"errors8", lengths, room, false},
                            {"norms", lengths, room, false}};
  if (metric == Metric::cosine) all.push_back({"stretches", lengths, room, false});
  if (rotated) {
    all.push_back({"rotation", width, width, false});
    all.push_back({"defect", 1, 0, false});
  }
  return all;
}

const void* check(nb::handle object, const Shape& shape) {
  const int ndim = shape.columns == 0 ? 1 : 2;
  const auto fits = [&](const auto& a) {
    if (a.shape[0] != shape.rows || (ndim == 2 && a.shape[1] != shape.columns))
      throw nb::value_error((std::string(shape.name) + ": of another shape than the plane's").c_str());
    return static_cast<const void*>(a.data);
  };
  return shape.bytes ? fits(array<std::uint8_t>(object, shape.name, ndim, ndim))
                     : fits(array<float>(object, shape.name, ndim, ndim));
}

const float* floats(const PyPlane& self, const char* name) { return array<float>(self.arrays[name], name, 1, 2).data; }

// Points the plane at its arrays, for a search of the first dims dimensions.
void point(PyPlane& self, std::size_t dims) {
  Plane& plane = self.plane;
  const std::vector<std::size_t> lengths = plane_lengths(plane.width);
  const auto l = static_cast<std::size_t>(std::lower_bound(lengths.begin(), lengths.end(), dims) - lengths.begin());
  plane.dims = dims;
  plane.mean = floats(self, "mean");
  plane.codes4 = array<std::uint8_t>(self.arrays["codes4"], "codes4", 2, 2).data;
  plane.codes8 = reinterpret_cast<const std::int8_t*>(array<std::uint8_t>(self.arrays["codes8"], "codes8", 2, 2).data);
  plane.scale4 = floats(self, "scales");
  plane.scale8 = plane.scale4 + self.room;
  plane.error4 = floats(self, "errors4") + l * self.room;
  plane.error8 = floats(self, "errors8") + l * self.room;
  plane.norm = floats(self, "norms") + l * self.room;
  const bool shorter = plane.metric == Metric::cosine && dims < plane.width;
  if (self.arrays.contains("rotation")) {
    plane.rotation = floats(self, "rotation");
    plane.defect = *floats(self, "defect");
  }
  plane.stretch = shorter ? floats(self, "stretches") + l * self.room : nullptr;
}

void make_plane(PyPlane* self, std::size_t n, std::size_t dims, nb::handle metric, nb::handle mean, nb::handle rotation,
                float defect) {
  PyPlane made;
  made.plane.metric = parse_metric(metric, "ip");
  made.plane.width = checked_dims(dims, "dims");
  if (n >= std::size_t{1} << 32) throw nb::value_error("n: expected less than 2^32 rows");
  made.plane.n = n;
  made.room = plane_room(n);
  made.made = true;
  const Array<float> middle = parse_queries(mean, "mean", dims, 1);
  const bool rotated = !rotation.is_none();
  const Array<float> axes = rotated ? parse_queries(rotation, "rotation", dims, 2) : Array<float>{};
  if (rotated && (axes.ndim != 2 || axes.shape[0] != dims)) throw nb::value_error("rotation: expected (dims, dims)");
  if (!(defect >= 0.0f)) throw nb::value_error("defect: expected at least 0");
  for (const Shape& shape : shapes(made.plane.metric, dims, made.room, rotated)) {
    void* data;
    const Dtype dtype = shape.bytes ? dtype_of<std::uint8_t> : dtype_of<float>;
    made.arrays[shape.name] = shape.columns == 0 ? empty_array(dtype, shape.rows, &data)
                                                 : empty_array(dtype, shape.rows, shape.columns, &data);
    const std::size_t size = shape.rows * std::max<std::size_t>(shape.columns, 1) * (shape.bytes ? 1 : 4);
    if (size != 0) std::memset(data, 0, size);
    const std::string_view name = shape.name;
    if (name == "mean") std::memcpy(data, middle.data, size);
    if (name == "errors4" || name == "errors8")  // until a row is coded nothing is known of it
      std::fill_n(static_cast<float*>(data), shape.rows * shape.columns, HUGE_VALF);
    if (name == "rotation") std::memcpy(data, axes.data, size);
    if (name == "defect") std::memcpy(data, &defect, size);
  }
  point(made, dims);
  new (self) PyPlane(std::move(made));
}

void encode(PyPlane& self, const PyRows& rows, std::size_t first, nb::handle threads) {
  Plane& plane = self.plane;
  const std::size_t workers = parse_count(threads, "threads");
  if (!self.made) throw nb::value_error("encode: only for a plane that was made empty, not one restored or cut short");
  if (rows.rows.dims != plane.width) throw nb::value_error("rows: their dims are not the plane's");
  if (first % 16 != 0 || first > plane.n || rows.rows.n > plane.n - first)
    throw nb::value_error("first: expected a multiple of 16, and the rows to fit");
  const auto writable = [](const auto* p) {
    return const_cast<std::remove_const_t<std::remove_pointer_t<decltype(p)>>*>(p);
  };
  const PlaneArrays to{plane.metric,
                       plane.width,
                       self.room,
                       plane_lengths(plane.width),
                       plane.rotation != nullptr,
                       plane.mean,
                       writable(plane.codes4),
                       writable(plane.codes8),
                       writable(plane.scale4),
                       writable(plane.scale8),
                       writable(floats(self, "errors4")),
                       writable(floats(self, "errors8")),
                       writable(floats(self, "norms")),
                       plane.metric == Metric::cosine ? writable(floats(self, "stretches")) : nullptr};
  const Unlocked unlocked(rows.rows.n * plane.width);
  encode_rows(to, rows.rows, first, workers, poll_signals);
}

PyPlane* restore(std::size_t n, std::size_t dims, nb::handle metric, nb::dict arrays) {
  auto made = std::make_unique<PyPlane>();
  made->plane.metric = parse_metric(metric, "ip");
  made->plane.width = checked_dims(dims, "dims");
  if (n >= std::size_t{1} << 32) throw nb::value_error("n: expected less than 2^32 rows");
  made->plane.n = n;
  made->room = plane_room(n);
  for (const Shape& shape : shapes(made->plane.metric, dims, made->room, arrays.contains("rotation"))) {
    if (!arrays.contains(shape.name))
      throw nb::value_error((std::string("the plane's ") + shape.name + " are missing").c_str());
    check(arrays[shape.name], shape);
    made->arrays[shape.name] = arrays[shape.name];
  }
  point(*made, dims);
  return made.release();
}

// The same codes for the first dims dimensions of rows, which are the plane's, whole.
PyPlane* prefix(const PyPlane& self, std::size_t dims, const PyRows& rows, nb::handle threads) {
  const std::size_t workers = parse_count(threads, "threads");
  if (dims == 0 || dims > self.plane.width) throw nb::value_error("dims: expected 1… the plane's");
  if (self.plane.rotation != nullptr) throw nb::value_error("dims: a rotated plane has sketches, no prefixes");
  if (rows.rows.n != self.plane.n || rows.rows.dims != self.plane.width) throw nb::value_error("rows: not the plane's");
  auto made = std::make_unique<PyPlane>(self);
  made->made = false;
  point(*made, dims);
  const std::vector<std::size_t> lengths = plane_lengths(self.plane.width);
  const bool kept = std::find(lengths.begin(), lengths.end(), dims) != lengths.end();
  if (kept || self.plane.metric == Metric::ip) return made.release();
  float* factors;
  made->keep.push_back(empty(self.room, &factors));
  std::fill_n(factors, self.room, 0.0f);
  {
    const Unlocked unlocked(rows.rows.n * rows.rows.dims);
    prefix_factors(self.plane.metric, self.plane.mean, rows.rows, dims, workers, poll_signals, factors);
  }
  (self.plane.metric == Metric::l2 ? made->plane.norm : made->plane.stretch) = factors;
  return made.release();
}

// For a search of whole rows that is ranked by the first dims of the codes.
PyPlane* sketch(const PyPlane& self, std::size_t dims) {
  if (dims == 0 || dims > self.plane.width) throw nb::value_error("dims: expected 1… the plane's");
  auto made = std::make_unique<PyPlane>(self);
  made->made = false;
  point(*made, dims);
  Plane& plane = made->plane;
  plane.norm = floats(self, "norms") + (plane_lengths(plane.width).size() - 1) * self.room;
  plane.stretch = nullptr;
  plane.sketch = true;
  return made.release();
}

// The first n rows alone.
PyPlane* head(const PyPlane& self, std::size_t n) {
  if (n > self.plane.n) throw nb::value_error("n: more than the plane has");
  auto made = std::make_unique<PyPlane>(self);
  made->made = false;
  made->plane.n = n;
  return made.release();
}

}  // namespace

void bind_plane(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<PyPlane>(m, "Plane")
      .def("__init__", make_plane, "n"_a, "dims"_a, nb::kw_only(), "metric"_a.none(), "mean"_a.none(),
           "rotation"_a.none() = nb::none(), "defect"_a = 0.0f)
      .def_static("restore", restore, "n"_a, "dims"_a, nb::kw_only(), "metric"_a.none(), "arrays"_a)
      .def_prop_ro("n", [](const PyPlane& self) { return self.plane.n; })
      .def_prop_ro("dims", [](const PyPlane& self) { return self.plane.compared(); })
      .def("arrays", [](const PyPlane& self) { return self.arrays; })
      .def("encode", encode, "rows"_a, nb::kw_only(), "first"_a = 0, "threads"_a.none() = 0)
      .def("prefix", prefix, "dims"_a, "rows"_a, nb::kw_only(), "threads"_a.none() = 0)
      .def("sketch", sketch, "dims"_a)
      .def("head", head, "n"_a);
}

}  // namespace kinspace::bind
