// Who holds a term, or several: rows and how often, in blocks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/index.hpp"

namespace kinspace::text {

struct Block {
  std::uint32_t rows[block_rows], counts[block_rows];
  std::size_t n = 0;
};

class List {
 public:
  List(const Index& index, std::size_t term);  // the index must outlive it
  // Rows in ascending order, made up of other lists.
  List(const Index& index, std::vector<std::uint32_t> rows, std::vector<std::uint32_t> counts);
  List(List&&) = default;
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  std::size_t count() const { return count_; }  // rows
  std::size_t blocks() const { return blocks_; }
  std::uint32_t last(std::size_t block) const { return last_[block]; }
  std::uint32_t most(std::size_t block) const { return most_[block]; }
  std::uint32_t shortest(std::size_t block) const { return shortest_[block]; }
  void decode(std::size_t block, Block& out) const;  // std::invalid_argument if it is no block of the index
  // Where its terms stand: those of row i of the block are places[ends[i - 1]…ends[i]], ascending. Of a term's list.
  void places(std::size_t block, const Block& rows, std::vector<std::uint32_t>& places,
              std::vector<std::size_t>& ends) const;
  // How many of its rows have their bit set in `live`, from bit `first` on.
  std::size_t count_live(const std::uint64_t* live, std::size_t first) const;

 private:
  const Index* index_;
  std::size_t count_, blocks_, first_ = 0;  // its first block in the index
  const std::uint32_t *last_, *most_, *shortest_;
  std::vector<std::uint32_t> rows_, counts_, made_;  // where it is not one of the index
};

// A list's block that holds a row, going forward.
class Cursor {
 public:
  explicit Cursor(const List& list) : list(&list) {}

  // The place in `block` of that row, or -1; rows are asked for in ascending order.
  std::int64_t seek(std::uint32_t row);
  // Go to the first block that ends at this row or later; false if there is none.
  bool reach(std::uint32_t row);
  const Block& at(std::size_t block);

  const List* list;
  std::size_t number = 0;  // of the block reached
  Block block;

 private:
  std::size_t decoded_ = static_cast<std::size_t>(-1), place_ = 0;
};

List phrase(const Index& index, const std::vector<std::size_t>& terms);  // the terms one after another
List any_of(const Index& index, const std::vector<std::size_t>& terms);  // as if they were one

}  // namespace kinspace::text
