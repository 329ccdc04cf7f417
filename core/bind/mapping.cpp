// Files mapped read-only without keeping a descriptor open: a space of many shards would run out of them.
#include <fcntl.h>
#include <nanobind/ndarray.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "bind/array.hpp"
#include "bind/bind.hpp"

namespace kinspace::bind {
namespace {

using Bytes = nb::ndarray<nb::numpy, const std::uint8_t, nb::ndim<1>>;

// Where the live mappings are: memory that is not one of them must not be given back to the system.
std::mutex guard;
std::map<std::uintptr_t, std::uintptr_t> live;  // start -> end

struct Mapping {
  void* start = nullptr;
  std::size_t size = 0;

  void take(void* at) {
    start = at;
    const std::lock_guard<std::mutex> held(guard);
    const auto first = reinterpret_cast<std::uintptr_t>(at);
    live[first] = first + size;
  }
  ~Mapping() {
    if (start == nullptr) return;
    {
      const std::lock_guard<std::mutex> held(guard);
      live.erase(reinterpret_cast<std::uintptr_t>(start));
    }
    ::munmap(start, size);
  }
};

[[noreturn]] void refuse(const std::string& path) {
  PyErr_SetFromErrnoWithFilename(PyExc_OSError, path.c_str());
  throw nb::python_error();
}

Bytes map_file(const nb::bytes& name) {
  const std::string path(name.c_str(), name.size());
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) refuse(path);
  auto mapping = std::make_unique<Mapping>();
  struct stat status{};
  bool fine = ::fstat(file, &status) == 0;
  if (fine && status.st_size > 0) {
    mapping->size = static_cast<std::size_t>(status.st_size);
    void* start = ::mmap(nullptr, mapping->size, PROT_READ, MAP_SHARED, file, 0);
    fine = start != MAP_FAILED;
    if (fine) mapping->take(start);
  }
  const int error = errno;
  ::close(file);
  errno = error;
  if (!fine) refuse(path);
  const auto* data = static_cast<const std::uint8_t*>(mapping->start);
  const std::size_t size = mapping->size;
  nb::capsule owner(mapping.get(), [](void* held) noexcept { delete static_cast<Mapping*>(held); });
  mapping.release();
  return Bytes(data, {size}, owner);
}

void let_go(nb::handle object) {
  const Array<std::uint8_t> bytes = array<std::uint8_t>(object, "bytes", 1, 1);
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<std::uintptr_t>(bytes.data), end = start + bytes.shape[0];
  const std::uintptr_t first = (start + page - 1) / page * page, last = end / page * page;
  const std::lock_guard<std::mutex> held(guard);
  auto mapping = live.upper_bound(start);
  if (first >= last || mapping == live.begin() || end > (--mapping)->second) return;
  ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace

void bind_mapping(nb::module_& m) {
  m.def("map_file", &map_file, nb::arg("path"),
        "The file's bytes, memory-mapped read-only; no descriptor stays open. OSError if the system refuses.");
  m.def("let_go", &let_go, nb::arg("bytes"),
        "Drop the pages of bytes from map_file from this process; who touches them again has them from the cache. "
        "Bytes from elsewhere are left alone.");
}

}  // namespace kinspace::bind
