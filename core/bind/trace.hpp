// How a search was done, as Python gets it.
#pragma once
#include <nanobind/nanobind.h>

#include "hnsw/nearest.hpp"

namespace kinspace::bind {

// Rows that each query was compared with: int64 (m,), or an int for ndim 1.
nanobind::object to_counts(const Answer& answer, int ndim);

nanobind::dict to_dict(const Trace& trace);

}  // namespace kinspace::bind
