// kinspace._core.TextBuilder, TextIndex and TextList.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "bind/arguments.hpp"
#include "bind/array.hpp"
#include "bind/bind.hpp"
#include "bind/gil.hpp"
#include "text/build.hpp"
#include "text/search.hpp"

namespace kinspace::bind {
namespace {

constexpr std::size_t much = 1'000'000;  // more than is done with the interpreter's lock held

struct PyIndex {
  text::Index index;
  std::vector<nb::object> keep;
};

struct PyList {
  nb::object owner;  // a PyIndex
  text::List list;
};

template <class T>
nb::object copied(const std::vector<T>& values) {
  T* out;
  nb::object made = empty(values.size(), &out);
  std::copy(values.begin(), values.end(), out);
  return made;
}

std::string_view parse_text(nb::handle object, const char* name) {
  Py_ssize_t size = 0;
  const char* utf8 = PyUnicode_Check(object.ptr()) ? PyUnicode_AsUTF8AndSize(object.ptr(), &size) : nullptr;
  if (PyUnicode_Check(object.ptr()) && utf8 == nullptr) throw nb::python_error();
  if (utf8 == nullptr) throw nb::type_error((std::string(name) + ": expected a str").c_str());
  return {utf8, static_cast<std::size_t>(size)};
}

void add(text::Builder& self, nb::bytes texts) {
  const std::string_view all(texts.c_str(), texts.size());
  if (!all.empty() && all.back() != text::row_end) throw nb::value_error("texts: expected a 0 after each row");
  const Unlocked unlocked(much + all.size());
  self.add(all);
}

nb::list words(const text::Builder& self) {
  nb::list made;
  for (std::size_t i = 0; i < self.words(); ++i) {
    const std::string_view word = self.word(i);
    PyObject* item = PyUnicode_DecodeUTF8(word.data(), static_cast<Py_ssize_t>(word.size()), "replace");
    if (item == nullptr) throw nb::python_error();
    made.append(nb::steal(item));
  }
  return made;
}

nb::dict finish(const text::Builder& self, nb::handle term_of, nb::handle terms) {
  const Array<std::uint32_t> of = array<std::uint32_t>(term_of, "term_of", 1, 1);
  const std::size_t count = parse_count(terms, "terms");
  if (of.shape[0] != self.words()) throw nb::value_error("term_of: expected one for each word");
  for (std::size_t i = 0; i < of.shape[0]; ++i)
    if (of.data[i] >= count) throw nb::value_error("term_of: out of range of the terms");
  text::Built built;
  {
    const Unlocked unlocked(much);
    built = self.finish(of.data, count);
  }
  nb::dict arrays;
  arrays["lengths"] = copied(built.lengths);
  arrays["counts"] = copied(built.counts);
  arrays["blocks"] = copied(built.blocks);
  arrays["last"] = copied(built.last);
  arrays["most"] = copied(built.most);
  arrays["shortest"] = copied(built.shortest);
  arrays["posting_at"] = copied(built.posting_at);
  arrays["position_at"] = copied(built.position_at);
  arrays["postings"] = copied(built.postings);
  arrays["positions"] = copied(built.positions);
  return arrays;
}

void make_index(PyIndex* self, nb::dict arrays) {
  PyIndex made;
  text::Index& index = made.index;
  const auto get = [&]<class T>(const char* name, const T*& data, std::size_t& size) {
    if (!arrays.contains(name)) throw nb::value_error((std::string("the index's ") + name + " is missing").c_str());
    const nb::object object = arrays[name];
    const Array<T> found = array<T>(object, name, 1, 1);
    data = found.data;
    size = found.shape[0];
    made.keep.push_back(object);
  };
  std::size_t offsets, counts, blocks, last, most, shortest, posting_at, position_at;
  get("lengths", index.lengths, index.rows);
  get("text", index.text, index.text_size);
  get("offsets", index.offsets, offsets);
  get("counts", index.counts, counts);
  get("blocks", index.blocks, blocks);
  get("last", index.last, last);
  get("most", index.most, most);
  get("shortest", index.shortest, shortest);
  get("posting_at", index.posting_at, posting_at);
  get("position_at", index.position_at, position_at);
  get("postings", index.postings, index.postings_size);
  get("positions", index.positions, index.positions_size);
  index.terms = counts;
  index.block_count = last;
  if (offsets != counts + 1 || blocks != counts + 1 || most != last || shortest != last || posting_at != last ||
      position_at != last || index.rows > 0x7FFFFFFF)
    throw nb::value_error("the index's arrays differ in length");
  try {
    index.check();
  } catch (const std::invalid_argument& error) {
    throw nb::value_error(error.what());
  }
  new (self) PyIndex(std::move(made));
}

PyIndex& parse_index(nb::handle object) {
  if (!nb::isinstance<PyIndex>(object)) throw nb::type_error("expected a TextIndex");
  return *nb::inst_ptr<PyIndex>(object);
}

std::vector<std::size_t> parse_terms(const PyIndex& self, nb::handle numbers) {
  const nb::object items = parse_list(numbers, "terms");
  std::vector<std::size_t> terms;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.ptr()); ++i) {
    terms.push_back(parse_count(PySequence_Fast_GET_ITEM(items.ptr(), i), "terms"));
    if (terms.back() >= self.index.terms) throw nb::index_error("no such term");
  }
  if (terms.empty()) throw nb::value_error("terms: expected at least one");
  return terms;
}

template <class Make>
PyList* made_list(nb::handle self, nb::handle numbers, const Make& make) {
  const PyIndex& index = parse_index(self);
  const std::vector<std::size_t> terms = parse_terms(index, numbers);
  const auto guarded = [&]() -> text::List {
    try {
      const Unlocked unlocked(much);
      return make(index.index, terms);
    } catch (const std::invalid_argument& error) {
      throw nb::value_error(error.what());
    }
  };
  return new PyList{nb::borrow(self), guarded()};
}

PyList* phrase(nb::handle self, nb::handle terms) { return made_list(self, terms, text::phrase); }

PyList* any_of(nb::handle self, nb::handle terms) {
  return made_list(self, terms, [](const text::Index& index, const std::vector<std::size_t>& numbers) {
    return numbers.size() == 1 ? text::List(index, numbers[0]) : text::any_of(index, numbers);
  });
}

nb::tuple range(const PyIndex& self, nb::handle prefix) {
  const std::string_view wanted = parse_text(prefix, "prefix");
  const std::size_t from = self.index.lower_bound(wanted);
  return nb::make_tuple(from, self.index.upper_bound(wanted, from));
}

std::size_t count_live(const PyList& self, nb::handle live, nb::handle first) {
  const std::size_t start = parse_count(first, "first"), rows = parse_index(self.owner).index.rows;
  const std::uint64_t* words = parse_bitmap(live, "live", start + rows);
  if (words == nullptr) return self.list.count();
  try {
    return self.list.count_live(words, start);
  } catch (const std::invalid_argument& error) {
    throw nb::value_error(error.what());
  }
}

nb::object list_rows(const PyList& self) {
  std::int64_t* out;
  nb::object made = empty(self.list.count(), &out);
  text::Block block;
  try {
    for (std::size_t b = 0; b < self.list.blocks(); ++b) {
      self.list.decode(b, block);
      out = std::copy_n(block.rows, block.n, out);
    }
  } catch (const std::invalid_argument& error) {
    throw nb::value_error(error.what());
  }
  return made;
}

// Clauses are (list, weight, role) with role 0: any, 1: must, 2: never.
text::Asked parse_asked(nb::handle self, nb::handle clauses, double average) {
  text::Asked asked{};
  const nb::object items = parse_list(clauses, "clauses");
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.ptr()); ++i) {
    if (!PyTuple_Check(PySequence_Fast_GET_ITEM(items.ptr(), i))) throw nb::type_error("clauses: expected triples");
    const auto clause = nb::borrow<nb::tuple>(PySequence_Fast_GET_ITEM(items.ptr(), i));
    if (clause.size() != 3 || !nb::isinstance<PyList>(clause[0])) throw nb::type_error("clauses: expected triples");
    const PyList& list = *nb::inst_ptr<PyList>(clause[0]);
    if (!list.owner.is(self)) throw nb::value_error("clauses: a list of another index");
    const auto weight = nb::cast<double>(clause[1]);
    const std::size_t role = parse_count(clause[2], "role");
    if (!(weight >= 0 && weight <= 1e6) || role > 2) throw nb::value_error("clauses: a weight or role out of range");
    asked.clauses.push_back({&list.list, weight, static_cast<text::Role>(role)});
  }
  if (!(average > 0)) throw nb::value_error("average: expected a number above 0");
  asked.average = average;
  return asked;
}

nb::tuple search(nb::handle self, nb::handle clauses, nb::handle k, double average, nb::handle need, nb::handle first,
                 nb::handle live, nb::handle mask) {
  const text::Index& index = parse_index(self).index;
  text::Asked asked = parse_asked(self, clauses, average);
  asked.k = std::min(parse_count(k, "k"), index.rows);
  asked.need = static_cast<std::int64_t>(parse_count(need, "need"));
  asked.first = parse_count(first, "first");
  asked.live = parse_bitmap(live, "live", asked.first + index.rows);
  asked.mask = parse_bitmap(mask, "mask", asked.first + index.rows);
  std::vector<text::Found> found;
  try {
    const Unlocked unlocked(index.rows);
    found = text::search(index, asked);
  } catch (const std::invalid_argument& error) {
    throw nb::value_error(error.what());
  }
  std::int64_t *rows, *scores;
  nb::object made_rows = empty(found.size(), &rows), made_scores = empty(found.size(), &scores);
  for (std::size_t i = 0; i < found.size(); ++i) rows[i] = found[i].row, scores[i] = found[i].score;
  return nb::make_tuple(made_rows, made_scores);
}

nb::object scores_of(nb::handle self, nb::handle clauses, double average, nb::handle rows) {
  const text::Index& index = parse_index(self).index;
  const text::Asked asked = parse_asked(self, clauses, average);
  const Array<std::int64_t> wanted = array<std::int64_t>(rows, "rows", 1, 1);
  check_range(wanted, index.rows, "row");
  std::vector<std::uint32_t> numbers(wanted.data, wanted.data + wanted.shape[0]);
  if (!std::is_sorted(numbers.begin(), numbers.end())) throw nb::value_error("rows: expected in ascending order");
  std::int64_t* out;
  nb::object made = empty(numbers.size(), &out);
  try {
    const std::vector<std::int64_t> scores = text::scores_of(index, asked, numbers);
    std::copy(scores.begin(), scores.end(), out);
  } catch (const std::invalid_argument& error) {
    throw nb::value_error(error.what());
  }
  return made;
}

}  // namespace

void bind_text(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<text::Builder>(m, "TextBuilder")
      .def(nb::init<>())
      .def("add", add, "texts"_a)
      .def("words", words)
      .def("finish", finish, "term_of"_a.none(), "terms"_a.none())
      .def_prop_ro("rows", &text::Builder::rows);
  nb::class_<PyIndex>(m, "TextIndex")
      .def("__init__", make_index, "arrays"_a)
      .def_prop_ro("rows", [](const PyIndex& self) { return self.index.rows; })
      .def(
          "find", [](const PyIndex& self, nb::handle term) { return self.index.find(parse_text(term, "term")); },
          "term"_a.none())
      .def("range", range, "prefix"_a.none())
      .def("any_of", any_of, "terms"_a.none())
      .def("phrase", phrase, "terms"_a.none())
      .def("search", search, "clauses"_a.none(), "k"_a.none(), "average"_a, nb::kw_only(), "need"_a.none() = 0,
           "first"_a.none() = 0, "live"_a.none() = nb::none(), "mask"_a.none() = nb::none())
      .def("scores_of", scores_of, "clauses"_a.none(), "average"_a, "rows"_a.none());
  nb::class_<PyList>(m, "TextList")
      .def("count", count_live, "live"_a.none() = nb::none(), "first"_a.none() = 0)
      .def("rows", list_rows);
}

}  // namespace kinspace::bind
