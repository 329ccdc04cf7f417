// Large arrays on huge pages where the system has them: a graph is read at random, and each page counts.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

namespace kinspace {

// Zeroed, 64-byte aligned bytes that can grow; what is added is zeroed too.
class Huge {
 public:
  Huge() = default;
  explicit Huge(std::size_t bytes) { grow(bytes); }
  Huge(Huge&& other) noexcept { swap(other); }
  Huge& operator=(Huge&& other) noexcept {
    Huge taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Huge() {
    if (begin_ != nullptr) munmap(begin_, room_);
  }

  unsigned char* data() const { return begin_; }
  std::size_t size() const { return size_; }
  std::size_t room() const { return room_; }

  // Makes it so many bytes, what was there kept; std::bad_alloc leaves all as it was. Growing again gets some to spare.
  void grow(std::size_t bytes) {
    if (bytes > room_) {
      const std::size_t wanted = room_ == 0 ? bytes : bytes + bytes / 2;
      const std::size_t page = wanted >= huge_page ? huge_page : std::size_t{4} << 10;
      const std::size_t room = (wanted + page - 1) / page * page, slack = page == huge_page ? huge_page : 0;
      void* got = mmap(nullptr, room + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (got == MAP_FAILED) throw std::bad_alloc();
      auto* begin = static_cast<unsigned char*>(got);
      if (slack != 0) {  // begin at a huge page
        const auto at = reinterpret_cast<std::size_t>(begin);
        const std::size_t before = (huge_page - at % huge_page) % huge_page;
        if (before != 0) munmap(begin, before);
        begin += before;
        if (slack != before) munmap(begin + room, slack - before);
#ifdef MADV_HUGEPAGE
        madvise(begin, room, MADV_HUGEPAGE);
#endif
      }
      if (size_ != 0) std::memcpy(begin, begin_, size_);
      if (begin_ != nullptr) munmap(begin_, room_);
      begin_ = begin;
      room_ = room;
    }
    size_ = bytes;
  }

 private:
  static constexpr std::size_t huge_page = std::size_t{2} << 20;
  void swap(Huge& other) noexcept {
    std::swap(begin_, other.begin_);
    std::swap(size_, other.size_);
    std::swap(room_, other.room_);
  }
  unsigned char* begin_ = nullptr;
  std::size_t size_ = 0, room_ = 0;
};

}  // namespace kinspace
