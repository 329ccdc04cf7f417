// kinspace._core.Codes: the code kernels by themselves, for tests.
#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "bind/arguments.hpp"
#include "bind/bind.hpp"
#include "codes/coder.hpp"
#include "simd/dispatch.hpp"

namespace kinspace::bind {
namespace {

CodeKind parse_kind(nb::str kind) {
  const std::string_view names[] = {"sq4", "sq8", "l2", "dot"};
  for (std::size_t i = 0; i < 4; ++i)
    if (names[i] == kind.c_str()) return static_cast<CodeKind>(i);
  throw nb::value_error("kind: expected sq4, sq8, l2 or dot");
}

// Codes in memory of their own, cache-aligned, and the ends that a hop may read but not use.
struct Codes {
  CodeKind kind;
  std::size_t n, lines;
  Buffer<std::uint8_t> bytes;

  // floats of a line, in the query and in what is encoded
  std::size_t width() const { return kind == CodeKind::sq4 ? 128 : kind == CodeKind::sq8 ? 64 : 16; }
};

void make_codes(Codes* self, nb::str kind, nb::handle bytes) {
  const Array<std::uint8_t> b = array<std::uint8_t>(bytes, "bytes", 2, 2);
  if (b.shape[1] == 0 || b.shape[1] % code_line != 0) throw nb::value_error("bytes: expected whole lines of 64");
  new (self) Codes{parse_kind(kind), b.shape[0], b.shape[1] / code_line, Buffer<std::uint8_t>(b.shape[0] * b.shape[1])};
  if (b.shape[0] != 0) std::memcpy(self->bytes.data(), b.data, b.shape[0] * b.shape[1]);
}

// A hop with its query, and ids with their factors as a record has them.
struct Call {
  Hop hop{};
  Buffer<float> query;
  std::vector<std::uint32_t> ids;
  std::vector<std::uint16_t> factors[2];

  Call(const Codes& codes, nb::handle given, nb::handle ids_given, nb::handle factors_given, float slope, float offset,
       float norm_weight)
      : query(codes.lines * codes.width()) {
    const std::size_t width = codes.lines * codes.width();
    if (codes.kind == CodeKind::sq4 || codes.kind == CodeKind::sq8) {
      const Array<std::uint8_t> q = array<std::uint8_t>(given, "query", 1, 1);
      if (q.shape[0] != width) throw nb::value_error("query and codes differ in dims");
      std::memcpy(query.data(), q.data, width);
    } else {
      const Array<float> q = array<float>(given, "query", 1, 1);
      if (q.shape[0] != width) throw nb::value_error("query and codes differ in dims");
      std::memcpy(query.data(), q.data, width * sizeof(float));
    }
    const Array<std::uint32_t> i = array<std::uint32_t>(ids_given, "ids", 1, 1);
    ids.assign(i.data, i.data + i.shape[0]);
    for (const std::uint32_t id : ids)
      if (id >= codes.n) throw nb::index_error("ids: out of range");
    const Array<float> f = array<float>(factors_given, "factors", 2, 2);
    if (f.shape[0] > 2 || f.shape[1] != ids.size()) throw nb::value_error("factors: expected at most two for each id");
    for (std::size_t row = 0; row < f.shape[0]; ++row)
      for (std::size_t j = 0; j < ids.size(); ++j) factors[row].push_back(upper_half(f.data[row * ids.size() + j]));
    hop = {codes.kind,  query.data(), slope, offset,     norm_weight, codes.bytes.data(),
           codes.lines, nullptr,      0,     ids.size(), f.shape[0]};
  }
};

nb::object expand(const Codes& self, nb::handle query, nb::handle ids, nb::handle factors, nb::handle seen, float limit,
                  float slope, float offset, float norm_weight) {
  Call call(self, query, ids, factors, slope, offset, norm_weight);
  const std::size_t degree = call.ids.size();
  if (degree % 16 != 0) throw nb::value_error("ids: expected a multiple of 16");
  const Array<bool> s = array<bool>(seen, "seen", 1, 1);
  if (s.shape[0] != self.n) throw nb::value_error("seen: expected one for each code");
  constexpr std::uint8_t epoch = 3;
  std::vector<std::uint8_t> visited(self.n + 4, epoch + 1), record(record_bytes(degree, call.hop.factors));
  for (std::size_t i = 0; i < self.n; ++i) visited[i] = s.data[i] ? epoch : epoch - 1;
  std::uint8_t* at = record.data();
  if (degree != 0) std::memcpy(at, call.ids.data(), degree * 4);
  for (std::size_t row = 0; row < call.hop.factors && degree != 0; ++row)
    std::memcpy(at + degree * (4 + 2 * row), call.factors[row].data(), degree * 2);
  call.hop.visited = visited.data();
  call.hop.epoch = epoch;
  std::vector<std::uint64_t> found(degree);
  const auto kernel = code_kernels().expand[static_cast<std::size_t>(self.kind)];
  const auto [n, scored] = kernel(call.hop, record.data(), limit, found.data());
  std::uint64_t* out;
  std::uint8_t* marks;
  nb::object first = empty(n, &out), second = empty(self.n, &marks);
  std::copy_n(found.data(), n, out);
  for (std::size_t i = 0; i < self.n; ++i) marks[i] = visited[i] == epoch;
  return nb::make_tuple(first, second, scored);
}

nb::object score(const Codes& self, nb::handle query, nb::handle ids, nb::handle factors, float slope, float offset,
                 float norm_weight) {
  Call call(self, query, ids, factors, slope, offset, norm_weight);
  const std::size_t n = call.ids.size();
  call.ids.resize(n + 16, 0xffffffffu);
  for (std::vector<std::uint16_t>& factor : call.factors) factor.resize(n + 16);
  std::vector<float> distances(n + 16);
  code_kernels().score[static_cast<std::size_t>(self.kind)](call.hop, call.ids.data(), call.factors[0].data(),
                                                            call.factors[1].data(), n, distances.data());
  float* out;
  nb::object made = empty(n, &out);
  std::copy_n(distances.data(), n, out);
  return made;
}

nb::object sums(const Codes& self, nb::handle query, nb::handle ids) {
  const Array<std::uint32_t> given = array<std::uint32_t>(ids, "ids", 1, 1);
  const Array<std::uint8_t> q = array<std::uint8_t>(query, "query", 1, 1);
  if (self.kind != CodeKind::sq8 || q.shape[0] != self.lines * 64) throw nb::value_error("query and codes differ");
  const std::size_t n = given.shape[0];
  for (std::size_t i = 0; i < n; ++i)
    if (given.data[i] >= self.n) throw nb::index_error("ids: out of range");
  std::vector<std::int32_t> found(n + 4);
  code_kernels().sums8(reinterpret_cast<const std::int8_t*>(q.data), self.bytes.data(), self.lines, given.data, n,
                       found.data());
  std::int64_t* out;
  nb::object made = empty(n, &out);
  std::copy_n(found.data(), n, out);
  return made;
}

nb::object encode(nb::str kind, nb::handle rows) {
  const CodeKind k = parse_kind(kind);
  const Array<float> x = array<float>(rows, "rows", 2, 2);
  const std::size_t width = k == CodeKind::sq4 ? 128 : 64, lines = x.shape[1] / width;
  if (k == CodeKind::l2 || k == CodeKind::dot || x.shape[1] % width != 0)
    throw nb::value_error("rows: expected whole lines of 128 dimensions (sq4) or 64 (sq8)");
  std::uint8_t* codes;
  float* scales;
  nb::object first = empty(x.shape[0], lines * code_line, &codes), second = empty(x.shape[0], &scales);
  const auto one = k == CodeKind::sq4 ? code_kernels().encode4 : code_kernels().encode8;
  for (std::size_t i = 0; i < x.shape[0]; ++i)
    one(x.data + i * x.shape[1], lines, codes + i * lines * code_line, scales + i);
  return nb::make_tuple(first, second);
}

nb::object quantize(nb::handle row, float steps) {
  const Array<float> x = array<float>(row, "row", 1, 1);
  if (x.shape[0] % 64 != 0) throw nb::value_error("row: expected a multiple of 64");
  std::uint8_t* q;
  nb::object made = empty(x.shape[0], &q);
  const std::int32_t sum = code_kernels().quantize(x.data, steps, x.shape[0], reinterpret_cast<std::int8_t*>(q));
  return nb::make_tuple(made, sum, code_kernels().greatest(x.data, x.shape[0]));
}

}  // namespace

void bind_codes(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<Codes>(m, "Codes")
      .def("__init__", make_codes, "kind"_a, "bytes"_a)
      .def("expand", expand, "query"_a, "ids"_a, "factors"_a, "seen"_a, "limit"_a, "slope"_a = 1.0f, "offset"_a = 0.0f,
           "norm_weight"_a = 0.0f)
      .def("score", score, "query"_a, "ids"_a, "factors"_a, "slope"_a = 1.0f, "offset"_a = 0.0f, "norm_weight"_a = 0.0f)
      .def("sums", sums, "query"_a, "ids"_a)
      .def_static("encode", encode, "kind"_a, "rows"_a)
      .def_static("quantize", quantize, "row"_a, "steps"_a);
}

}  // namespace kinspace::bind
