// A rotation after which no component is much larger than the others: signs by lot, then Walsh-Hadamard transforms
// (Ailon and Chazelle, The fast Johnson-Lindenstrauss transform, SIAM J. Comput. 2009). Stored graphs hold codes of
// what it makes of rows: it is the same everywhere, to the bit, and must stay so.
#pragma once
#include <cstddef>
#include <vector>

namespace kinspace {

class Rotation {
 public:
  Rotation() = default;                   // none: rows stay as they are
  explicit Rotation(std::size_t floats);  // a multiple of 128
  explicit operator bool() const { return floats_ != 0; }
  void rotate(float* x) const;

 private:
  // A transform is of so many floats, a power of two: where these aren't all, of the first, the last, the first again.
  std::size_t floats_ = 0, block_ = 0;
  std::vector<float> signs_;  // for each transform, divided by the root of block_ so that lengths stay
};

}  // namespace kinspace
