// A plane with the arrays it reads, which Python owns.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "bind/rows.hpp"
#include "codes/plane.hpp"

namespace kinspace::bind {

struct PyPlane {
  Plane plane;
  std::size_t room = 0;  // rows the arrays have room for
  bool made = false;     // here: the arrays may be written to
  nb::dict arrays;       // by name
  std::vector<nb::object> keep;
};

}  // namespace kinspace::bind
