// kinspace._core.Keys.
#include "keys/keys.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "bind/arguments.hpp"
#include "bind/bind.hpp"

namespace kinspace::bind {
namespace {

struct PyKeys {
  Keys keys;
  std::vector<nb::object> keep;
};

void make_keys(PyKeys* self, nb::handle hashes, nb::handle rows, nb::handle text, nb::handle offsets, nb::handle ints) {
  PyKeys made;
  Keys& keys = made.keys;
  const Array<std::uint64_t> h = array<std::uint64_t>(hashes, "hashes", 1, 1);
  const Array<std::uint32_t> r = array<std::uint32_t>(rows, "rows", 1, 1);
  if (h.shape[0] != r.shape[0]) throw nb::value_error("hashes and rows differ in length");
  keys.hashes = h.data;
  keys.rows = r.data;
  keys.n = h.shape[0];
  if (text.is_none() != offsets.is_none() || text.is_none() == ints.is_none())
    throw nb::value_error("expected either text= with offsets=, or ints=");
  if (ints.is_none()) {
    const Array<std::uint8_t> t = array<std::uint8_t>(text, "text", 1, 1);
    const Array<std::uint64_t> o = array<std::uint64_t>(offsets, "offsets", 1, 1);
    if (o.shape[0] != keys.n + 1) throw nb::value_error("offsets: expected one more than there are rows");
    keys.text = reinterpret_cast<const char*>(t.data);
    keys.text_size = t.shape[0];
    keys.offsets = o.data;
  } else {
    const Array<std::int64_t> i = array<std::int64_t>(ints, "ints", 1, 1);
    if (i.shape[0] != keys.n) throw nb::value_error("ints: expected one for each row");
    keys.ints = i.data;
  }
  for (const nb::handle owner : {hashes, rows, text, offsets, ints}) made.keep.push_back(nb::borrow(owner));
  new (self) PyKeys(std::move(made));
}

// Checked every time: a key's __index__ may change the list.
PyObject* item(const nb::object& list, std::size_t i) {
  if (i >= static_cast<std::size_t>(PySequence_Fast_GET_SIZE(list.ptr()))) throw nb::value_error("keys changed");
  return PySequence_Fast_GET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i));
}

[[noreturn]] void refuse_key(const char* expected, PyObject* key) {
  const std::string what = std::string("key: expected ") + expected + "; got " + Py_TYPE(key)->tp_name;
  throw nb::type_error(what.c_str());
}

// A bit for each row, or null where all are live; the caller keeps the array.
const std::uint64_t* live_bits(const Keys& keys, nb::handle live) {
  if (live.is_none()) return nullptr;
  const Array<std::uint64_t> words = array<std::uint64_t>(live, "live", 1, 1);
  if (words.shape[0] < (keys.n + 63) / 64) throw nb::value_error("live: expected a bit for each row");
  return words.data;
}

std::int64_t find_at(const Keys& keys, std::size_t at, std::uint64_t hash, PyObject* key, const std::uint64_t* live) {
  if (keys.ints == nullptr) {
    if (!PyUnicode_Check(key)) refuse_key("a str", key);
    Py_ssize_t size = 0;
    const char* utf8 = PyUnicode_AsUTF8AndSize(key, &size);
    if (utf8 == nullptr) throw nb::python_error();
    return keys.find(at, hash, std::string_view(utf8, static_cast<std::size_t>(size)), live);
  }
  if (PyBool_Check(key) || !PyIndex_Check(key)) refuse_key("an int", key);
  const nb::object index = nb::steal(PyNumber_Index(key));
  if (!index.is_valid()) throw nb::python_error();
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  if (value == -1 && PyErr_Occurred() != nullptr) throw nb::python_error();
  return overflow != 0 ? -1 : keys.find(at, hash, static_cast<std::int64_t>(value), live);
}

std::int64_t find(const PyKeys& self, std::uint64_t hash, nb::handle key, nb::handle live) {
  return find_at(self.keys, self.keys.lower_bound(hash), hash, key.ptr(), live_bits(self.keys, live));
}

nb::object find_many(const PyKeys& self, nb::handle hashes, nb::handle list, nb::handle live) {
  const std::uint64_t* bits = live_bits(self.keys, live);
  const Array<std::uint64_t> h = array<std::uint64_t>(hashes, "hashes", 1, 1);
  const nb::object items = parse_list(list, "keys");
  const std::size_t m = h.shape[0];
  if (static_cast<std::size_t>(PySequence_Fast_GET_SIZE(items.ptr())) != m)
    throw nb::value_error("hashes and keys differ in length");
  std::int64_t* out;
  nb::object result = empty(m, &out);
  std::size_t at[Keys::batch];
  for (std::size_t from = 0; from < m; from += Keys::batch) {
    const std::size_t count = std::min(Keys::batch, m - from);
    for (std::size_t i = 0; i < count; ++i) __builtin_prefetch(item(items, from + i));
    self.keys.lower_bounds(h.data + from, count, at);
    for (std::size_t i = 0; i < count; ++i)
      out[from + i] = find_at(self.keys, at[i], h.data[from + i], item(items, from + i), bits);
  }
  return result;
}

nb::object take(const PyKeys& self, nb::handle rows) {
  constexpr std::size_t ahead = 16;
  const Keys& keys = self.keys;
  const Array<std::int64_t> which = array<std::int64_t>(rows, "rows", 1, 1);
  const std::size_t m = which.shape[0];
  check_range(which, keys.n, "row");
  const auto row_at = [&](std::size_t i) { return static_cast<std::size_t>(which.data[std::min(i, m - 1)]); };
  nb::object result = nb::steal(PyList_New(static_cast<Py_ssize_t>(m)));
  if (!result.is_valid()) throw nb::python_error();
  for (std::size_t i = 0; i < m; ++i) {
    keys.prefetch(row_at(i + 2 * ahead));
    keys.prefetch_text(row_at(i + ahead));
    PyObject* key;
    if (keys.ints != nullptr) {
      key = PyLong_FromLongLong(keys.ints[row_at(i)]);
    } else {
      std::string_view text;
      if (!keys.text_of(row_at(i), text)) throw nb::value_error("offsets: out of range of text");
      key = PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
    }
    if (key == nullptr) throw nb::python_error();
    PyList_SET_ITEM(result.ptr(), static_cast<Py_ssize_t>(i), key);
  }
  return result;
}

}  // namespace

void bind_keys(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<PyKeys>(m, "Keys")
      .def("__init__", make_keys, "hashes"_a.none(), "rows"_a.none(), nb::kw_only(), "text"_a.none() = nb::none(),
           "offsets"_a.none() = nb::none(), "ints"_a.none() = nb::none())
      .def("find", find, "hash"_a, "key"_a.none(), "live"_a.none() = nb::none())
      .def("find_many", find_many, "hashes"_a.none(), "keys"_a.none(), "live"_a.none() = nb::none())
      .def("take", take, "rows"_a.none());
}

}  // namespace kinspace::bind
