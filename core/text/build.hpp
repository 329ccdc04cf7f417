// Making an index: rows' words are numbered as they come, and sorted into postings once all are known.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kinspace::text {

inline constexpr char row_end = '\0';       // between the texts of two rows
inline constexpr char gap = '\1';           // between parts of a row's text that no phrase spans
inline constexpr std::uint32_t far = 1024;  // the places such a gap takes

// The arrays of an Index; the terms' text is the caller's.
struct Built {
  std::vector<std::uint32_t> lengths, counts, last, most, shortest;
  std::vector<std::uint64_t> blocks, posting_at, position_at;
  std::vector<std::uint8_t> postings, positions;
};

class Builder {
 public:
  // Texts of rows, each ended by row_end. A word is a run of ASCII letters, digits and bytes that are not ASCII; ASCII
  // letters are taken as small ones.
  void add(std::string_view texts);

  std::size_t rows() const { return ends_.size(); }
  std::size_t words() const { return word_at_.size(); }
  std::string_view word(std::size_t number) const;

  // The index, once it is known which of `terms` terms each word is.
  Built finish(const std::uint32_t* term_of, std::size_t terms) const;

 private:
  std::uint32_t number_of(std::string_view word, std::uint32_t hash);
  void grow();

  std::vector<std::uint32_t> tokens_;  // words by number, as they come, and gaps
  std::vector<std::uint64_t> ends_;    // of each row in tokens_
  std::string letters_;                // the words, back to back
  std::vector<std::uint64_t> word_at_;
  std::vector<std::uint32_t> slots_;  // hash table: the word's number + 1, 0 where none is
  std::vector<std::uint32_t> hashes_;
};

}  // namespace kinspace::text
