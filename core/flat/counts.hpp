// What a search did: rows, times queries, by how they were compared.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kinspace {

struct Counts {
  std::uint64_t coded = 0;       // rows compared by the codes of a plane …
  std::uint64_t looked = 0;      // … and those of them that were looked at in 8 bits
  std::uint64_t compared = 0;    // rows compared as floats, query by query …
  std::uint64_t tiled = 0;       // … or by many queries at once
  std::uint64_t counted = 0;     // rows whose bits were counted
  std::uint64_t hops = 0;        // nodes of a graph whose neighbours were looked at
  std::uint64_t scored = 0;      // nodes compared by a graph's codes
  std::uint64_t candidates = 0;  // rows that may be near, for all that is known without their exact distance
  std::uint64_t exact = 0;       // rows compared in double

  Counts& operator+=(const Counts& other) {
    coded += other.coded;
    looked += other.looked;
    compared += other.compared;
    tiled += other.tiled;
    counted += other.counted;
    hops += other.hops;
    scored += other.scored;
    candidates += other.candidates;
    exact += other.exact;
    return *this;
  }
  // Rows that were compared by a code or as floats.
  std::uint64_t rows() const { return coded + compared + tiled + counted + scored; }
};

// What was done in one part.
struct PartTrace {
  Counts counts;
  std::uint64_t sampled = 0;  // rows compared beforehand, to guess how far the k-th is
  double seconds = 0;         // of all threads …
  double ranking = 0;         // … and of these, by exact distances, where a graph gave candidates

  PartTrace& operator+=(const PartTrace& other) {
    counts += other.counts;
    sampled += other.sampled;
    seconds += other.seconds;
    ranking += other.ranking;
    return *this;
  }
};

// How long something took, unless nobody wants to know.
class Since {
 public:
  explicit Since(bool wanted) {
    if (wanted) begun_ = Clock::now();
  }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begun_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begun_;
};

// What a scan tells beside its answer.
struct Tally {
  std::uint64_t visited = 0;                // rows that each query was compared with
  std::vector<PartTrace>* parts = nullptr;  // if not null, of each part: added to, and so is …
  double ranking = 0;                       // … the time it took to rank candidates by exact distances
  std::size_t threads = 0;                  // at most so many at once
};

}  // namespace kinspace
