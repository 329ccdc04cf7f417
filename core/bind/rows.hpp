// Rows with the Python objects that own their memory.
#pragma once
#include "bind/array.hpp"
#include "flat/rows.hpp"

namespace kinspace::bind {

struct PyRows {
  Rows rows;
  std::vector<nb::object> keep;
};

}  // namespace kinspace::bind
