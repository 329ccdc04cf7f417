// Scalars at the border: what was expected, what came.
#include "bind/arguments.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "simd/dispatch.hpp"

namespace kinspace::bind {

namespace {

std::string_view text_of(nb::handle text) {
  if (!PyUnicode_Check(text.ptr())) throw nb::type_error("metric: expected a str");
  Py_ssize_t size = 0;
  const char* utf8 = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (utf8 == nullptr) throw nb::python_error();
  return {utf8, static_cast<std::size_t>(size)};
}

}  // namespace

Metric parse_metric(nb::handle text, const char* inner) {
  const std::string_view name = text_of(text);
  if (name == "cosine") return Metric::cosine;
  if (name == "l2") return Metric::l2;
  if (name == inner) return Metric::ip;
  const std::string what =
      std::string("metric must be 'cosine', 'l2' or '") + inner + "'; got '" + std::string(name) + "'";
  throw nb::value_error(what.c_str());
}

Metric parse_any_metric(nb::handle text) {
  const std::string_view name = text_of(text);
  if (name == "hamming") return Metric::hamming;
  if (name == "jaccard") return Metric::jaccard;
  return parse_metric(text, "ip");
}

std::size_t parse_count(nb::handle number, const char* name) {
  if (PyBool_Check(number.ptr()) || !PyIndex_Check(number.ptr())) {
    const std::string what = std::string(name) + ": expected a whole number; got " + Py_TYPE(number.ptr())->tp_name;
    throw nb::type_error(what.c_str());
  }
  const nb::object index = nb::steal(PyNumber_Index(number.ptr()));
  if (!index.is_valid()) throw nb::python_error();
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  if (overflow > 0) return static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  if (overflow < 0 || value < 0) {
    const std::string what = std::string(name) + " must be at least 0";
    throw nb::value_error(what.c_str());
  }
  return static_cast<std::size_t>(value);
}

std::size_t checked_dims(std::size_t dims, const char* name) {
  if (dims >= 1 && dims <= 65536) return dims;
  const std::string what = std::string(name) + ": dims must be in 1..65536; got " + std::to_string(dims);
  throw nb::value_error(what.c_str());
}

Array<float> parse_queries(nb::handle object, const char* name, std::size_t dims, int max_ndim) {
  Array<float> queries = array<float>(object, name, 1, max_ndim);
  if (queries.ndim == 1) {
    queries.shape[1] = queries.shape[0];
    queries.shape[0] = 1;
  }
  if (dims == 0) {
    checked_dims(queries.shape[1], name);
  } else if (queries.shape[1] != dims) {
    const std::string what =
        std::string(name) + ": expected " + std::to_string(dims) + " dims; got " + std::to_string(queries.shape[1]);
    throw nb::value_error(what.c_str());
  }
  for (std::size_t q = 0; q < queries.shape[0]; ++q) {
    if (kernels().finite(queries.data + q * queries.shape[1], queries.shape[1])) continue;
    const std::string what = std::string(name) + ": every value must be finite" +
                             (queries.ndim == 1 ? std::string() : "; row " + std::to_string(q) + " is not");
    throw nb::value_error(what.c_str());
  }
  return queries;
}

const std::uint64_t* parse_bitmap(nb::handle object, const char* name, std::size_t n) {
  if (object.is_none()) return nullptr;
  const Array<std::uint64_t> words = array<std::uint64_t>(object, name, 1, 1);
  if (words.shape[0] >= (n + 63) / 64) return words.data;
  const std::string what = std::string(name) + ": a bitmap of " + std::to_string(n) + " rows has " +
                           std::to_string((n + 63) / 64) + " words; got " + std::to_string(words.shape[0]);
  throw nb::value_error(what.c_str());
}

nb::object parse_list(nb::handle object, const char* name) {
  if (PyList_Check(object.ptr()) || PyTuple_Check(object.ptr())) return nb::borrow(object);
  const std::string what = std::string(name) + ": expected a list; got " + Py_TYPE(object.ptr())->tp_name;
  throw nb::type_error(what.c_str());
}

void check_range(const Array<std::int64_t>& numbers, std::size_t n, const char* name) {
  for (std::size_t i = 0; i < numbers.shape[0]; ++i) {
    if (static_cast<std::uint64_t>(numbers.data[i]) < n) continue;
    const std::string what =
        std::string(name) + " " + std::to_string(numbers.data[i]) + " is out of range: there are " + std::to_string(n);
    throw nb::index_error(what.c_str());
  }
}

}  // namespace kinspace::bind
