// kinspace._core.TopK.
#include <vector>

#include "bind/arguments.hpp"
#include "bind/bind.hpp"
#include "bind/found.hpp"
#include "bind/gil.hpp"
#include "flat/stream.hpp"

namespace kinspace::bind {
namespace {

void make_topk(Stream* self, nb::handle queries, nb::handle k, nb::handle metric) {
  const Metric kind = parse_metric(metric, "ip");
  array<float>(queries, "queries", 2, 2);
  const Array<float> q = parse_queries(queries, "queries", 0, 2);
  new (self) Stream(kind, q.data, q.shape[0], q.shape[1], parse_count(k, "k"));
}

std::vector<std::uint64_t> to_bitmap(const Array<bool>& mask) {
  std::vector<std::uint64_t> words((mask.shape[0] + 63) / 64);
  for (std::size_t i = 0; i < mask.shape[0]; ++i) words[i / 64] |= static_cast<std::uint64_t>(mask.data[i]) << (i % 64);
  return words;
}

void scan_block(Stream& self, nb::handle block, nb::handle first, nb::handle mask, nb::handle threads) {
  const Array<float> b = array<float>(block, "block", 2, 2, Layout::row_strided);
  if (b.shape[1] != self.dims()) throw nb::value_error("block and queries differ in dims");
  const std::size_t start = parse_count(first, "first"), wanted = parse_count(threads, "threads");
  Array<bool> allowed{};
  if (!mask.is_none()) {
    allowed = array<bool>(mask, "mask", 1, 1);
    if (allowed.shape[0] != b.shape[0]) throw nb::value_error("mask: expected one for each row of the block");
  }
  const Unlocked unlocked(b.shape[0] * b.shape[1] * self.queries());
  Rows rows;
  rows.chunks.push_back(
      {reinterpret_cast<const std::byte*>(b.data), b.stride * static_cast<std::ptrdiff_t>(sizeof(float))});
  rows.chunk_rows = rows.n = b.shape[0];
  rows.dims = b.shape[1];
  Parts parts;
  parts.parts.push_back({&rows, nullptr, 0});
  parts.n = rows.n;
  parts.dims = rows.dims;
  std::vector<std::uint64_t> words;
  Considered considered{parts, {}, -1};
  if (allowed.data != nullptr) {
    words = to_bitmap(allowed);
    considered.masks.push_back(words.data());
  }
  self.scan(considered, static_cast<std::int64_t>(start), wanted, poll_signals);
}

}  // namespace

void bind_topk(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<Stream>(m, "TopK")
      .def("__init__", make_topk, "queries"_a.none(), "k"_a.none(), "metric"_a.none())
      .def("scan", scan_block, "block"_a.none(), "first"_a.none(), "mask"_a.none() = nb::none(), "threads"_a.none() = 0)
      .def("result", [](const Stream& self) { return to_arrays(self.nearest(), 2); });
}

}  // namespace kinspace::bind
