// Scalars at the border: metrics, counts, thread numbers, bitmaps.
#pragma once
#include <nanobind/nanobind.h>

#include <cstdint>
#include <string_view>

#include "bind/array.hpp"
#include "flat/metric.hpp"

namespace kinspace::bind {

// "cosine", "l2" or `inner` ("ip" where results are ranked, "dot" where they are plain); ValueError otherwise.
Metric parse_metric(nb::handle text, const char* inner);
// One of those, with "ip", or "hamming" or "jaccard".
Metric parse_any_metric(nb::handle text);
// A whole number >= 0 (TypeError for bool and float, ValueError below 0); more than int64 holds is the largest int64.
std::size_t parse_count(nb::handle number, const char* name);
// (dims,) or (m, dims) float32 of finite values; `dims` = 0 accepts any length.
Array<float> parse_queries(nb::handle object, const char* name, std::size_t dims, int max_ndim);
// A bitmap of at least ceil(n / 64) words, or null for None.
const std::uint64_t* parse_bitmap(nb::handle object, const char* name, std::size_t n);
// The items of a list or tuple (borrowed; the sequence must outlive the use), or TypeError.
nb::object parse_list(nb::handle object, const char* name);

std::size_t checked_dims(std::size_t dims, const char* name);  // 1…65,536 or ValueError

// IndexError naming the first that is not in [0, n).
void check_range(const Array<std::int64_t>& numbers, std::size_t n, const char* name);

}  // namespace kinspace::bind
