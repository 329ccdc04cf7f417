// The ways a scan ends early.
#pragma once
#include <cstdint>
#include <exception>

namespace kinspace {

// A considered row holds NaN or infinity; position is the first such row.
struct NotFinite : std::exception {
  explicit NotFinite(std::int64_t at) : position(at) {}
  const char* what() const noexcept override { return "row is not finite"; }
  std::int64_t position;
};

// The caller asked to stop.
struct Cancelled : std::exception {
  const char* what() const noexcept override { return "cancelled"; }
};

}  // namespace kinspace
