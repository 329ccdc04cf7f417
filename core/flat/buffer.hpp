// Cache-aligned memory that is not initialised.
#pragma once
#include <cstddef>
#include <memory>
#include <new>

namespace kinspace {

constexpr std::align_val_t cache_line{64};

template <class T>
class Buffer {  // T is trivial
 public:
  Buffer() = default;
  explicit Buffer(std::size_t n) : items_(static_cast<T*>(::operator new(n * sizeof(T), cache_line))) {}
  T* data() const { return items_.get(); }
  T& operator[](std::size_t i) const { return items_.get()[i]; }
  explicit operator bool() const { return items_ != nullptr; }

 private:
  struct Free {
    void operator()(T* p) const { ::operator delete(p, cache_line); }
  };
  std::unique_ptr<T, Free> items_;
};

}  // namespace kinspace
