// What a search found, as the two arrays Python gets.
#pragma once
#include <nanobind/nanobind.h>

#include <vector>

#include "flat/candidates.hpp"

namespace kinspace::bind {

// (positions int64, distances float64) of shape (m, kk), or (kk,) for ndim 1; every query found the same number.
nanobind::tuple to_arrays(const std::vector<std::vector<Found>>& found, int ndim);

}  // namespace kinspace::bind
