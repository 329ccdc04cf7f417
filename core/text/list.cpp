#include "text/list.hpp"

#include <algorithm>
#include <stdexcept>

#include "text/pack.hpp"

namespace kinspace::text {

List::List(const Index& index, std::size_t term)
    : index_(&index),
      count_(index.counts[term]),
      blocks_(static_cast<std::size_t>(index.blocks[term + 1] - index.blocks[term])),
      first_(static_cast<std::size_t>(index.blocks[term])),
      last_(index.last + first_),
      most_(index.most + first_),
      shortest_(index.shortest + first_) {}

List::List(const Index& index, std::vector<std::uint32_t> rows, std::vector<std::uint32_t> counts)
    : index_(&index),
      count_(rows.size()),
      blocks_((rows.size() + block_rows - 1) / block_rows),
      rows_(std::move(rows)),
      counts_(std::move(counts)),
      made_(3 * blocks_) {
  std::uint32_t *last = made_.data(), *most = last + blocks_, *shortest = most + blocks_;
  for (std::size_t b = 0; b < blocks_; ++b) {
    const std::size_t begin = b * block_rows, end = std::min(count_, begin + block_rows);
    last[b] = rows_[end - 1];
    most[b] = *std::max_element(counts_.begin() + static_cast<std::ptrdiff_t>(begin),
                                counts_.begin() + static_cast<std::ptrdiff_t>(end));
    shortest[b] = 0xFFFFFFFF;
    for (std::size_t i = begin; i < end; ++i) shortest[b] = std::min(shortest[b], index.lengths[rows_[i]]);
  }
  last_ = last, most_ = most, shortest_ = shortest;
}

void List::decode(std::size_t b, Block& out) const {
  const std::size_t begin = b * block_rows;
  out.n = std::min(block_rows, count_ - begin);
  if (made_.size() > 0) {
    std::copy_n(rows_.data() + begin, out.n, out.rows);
    std::copy_n(counts_.data() + begin, out.n, out.counts);
    return;
  }
  const std::uint8_t* in = index_->postings + index_->posting_at[first_ + b];
  const std::size_t room = index_->postings_size - slack - index_->posting_at[first_ + b];
  const unsigned width = in[0], count_width = in[1];
  const std::size_t size = packed_size(out.n, width);
  if (width > 32 || count_width > 32 || 2 + size + packed_size(out.n, count_width) > room)
    throw std::invalid_argument("postings: a block that can't be");
  unpack(in + 2, out.rows, out.n, width);
  unpack(in + 2 + size, out.counts, out.n, count_width);
  std::uint64_t row = b == 0 ? 0 : std::uint64_t{last_[b - 1]} + 1;
  for (std::size_t i = 0; i < out.n; ++i) {
    row += out.rows[i];
    out.rows[i] = static_cast<std::uint32_t>(row++);
    ++out.counts[i];
  }
  if (row != std::uint64_t{last_[b]} + 1) throw std::invalid_argument("postings: rows that can't be");
}

void List::places(std::size_t b, const Block& rows, std::vector<std::uint32_t>& places,
                  std::vector<std::size_t>& ends) const {
  places.clear();
  ends.clear();
  const std::uint8_t* at = index_->positions + index_->position_at[first_ + b];
  const std::uint8_t* end = index_->positions + index_->positions_size;
  for (std::size_t i = 0; i < rows.n; ++i) {
    std::uint32_t place = 0;
    for (std::uint32_t j = 0; j < rows.counts[i] && at < end; ++j) {
      place += get_number(at, end);
      places.push_back(place);
    }
    ends.push_back(places.size());
  }
}

std::size_t List::count_live(const std::uint64_t* live, std::size_t first) const {
  std::size_t found = 0;
  Block block;
  for (std::size_t b = 0; b < blocks_; ++b) {
    decode(b, block);
    for (std::size_t i = 0; i < block.n; ++i) {
      const std::size_t bit = first + block.rows[i];
      found += static_cast<std::size_t>((live[bit / 64] >> (bit % 64)) & 1);
    }
  }
  return found;
}

const Block& Cursor::at(std::size_t wanted) {
  if (decoded_ != wanted) {
    list->decode(wanted, block);
    decoded_ = wanted;
    place_ = 0;
  }
  return block;
}

bool Cursor::reach(std::uint32_t row) {
  while (number < list->blocks() && list->last(number) < row) ++number;
  return number < list->blocks();
}

std::int64_t Cursor::seek(std::uint32_t row) {
  if (!reach(row)) return -1;
  at(number);
  if (place_ >= block.n || block.rows[place_] > row) place_ = 0;  // others have looked at this block
  while (block.rows[place_] < row) ++place_;                      // its last row is not less
  return block.rows[place_] == row ? static_cast<std::int64_t>(place_) : -1;
}

List phrase(const Index& index, const std::vector<std::size_t>& terms) {
  struct Word {
    Cursor cursor;
    std::size_t decoded = static_cast<std::size_t>(-1);
    std::vector<std::uint32_t> places;
    std::vector<std::size_t> ends;
  };
  std::vector<std::uint32_t> rows, counts;
  std::vector<List> lists;
  lists.reserve(terms.size());
  for (const std::size_t term : terms) lists.emplace_back(index, term);
  std::vector<Word> words;
  for (const List& list : lists) words.push_back({Cursor(list), static_cast<std::size_t>(-1), {}, {}});
  std::size_t rarest = 0;
  for (std::size_t w = 1; w < lists.size(); ++w)
    if (lists[w].count() < lists[rarest].count()) rarest = w;
  Block block;
  for (std::size_t b = 0; b < lists[rarest].blocks(); ++b) {
    lists[rarest].decode(b, block);
    for (std::size_t i = 0; i < block.n; ++i) {
      const std::uint32_t row = block.rows[i];
      std::vector<std::int64_t> at(words.size());
      bool everywhere = true;
      for (std::size_t w = 0; w < words.size() && everywhere; ++w)
        everywhere = (at[w] = words[w].cursor.seek(row)) >= 0;
      if (!everywhere) continue;
      for (Word& word : words) {
        if (word.decoded == word.cursor.number) continue;
        word.cursor.list->places(word.cursor.number, word.cursor.block, word.places, word.ends);
        word.decoded = word.cursor.number;
      }
      const auto range = [&](std::size_t w) {
        const auto place = static_cast<std::size_t>(at[w]);
        const std::uint32_t* all = words[w].places.data();
        return std::pair(all + (place == 0 ? 0 : words[w].ends[place - 1]), all + words[w].ends[place]);
      };
      std::uint32_t found = 0;
      const auto [begin, end] = range(0);
      for (const std::uint32_t* start = begin; start < end; ++start) {
        bool there = true;
        for (std::size_t w = 1; w < words.size() && there; ++w) {
          const auto [from, to] = range(w);
          there = std::binary_search(from, to, *start + static_cast<std::uint32_t>(w));
        }
        found += there;
      }
      if (found == 0) continue;
      rows.push_back(row);
      counts.push_back(found);
    }
  }
  return {index, std::move(rows), std::move(counts)};
}

List any_of(const Index& index, const std::vector<std::size_t>& terms) {
  std::vector<std::uint32_t> held(index.rows, 0), rows, counts;
  Block block;
  for (const std::size_t term : terms) {
    const List list(index, term);
    for (std::size_t b = 0; b < list.blocks(); ++b) {
      list.decode(b, block);
      for (std::size_t i = 0; i < block.n; ++i) held[block.rows[i]] += block.counts[i];
    }
  }
  for (std::size_t row = 0; row < held.size(); ++row) {
    if (held[row] == 0) continue;
    rows.push_back(static_cast<std::uint32_t>(row));
    counts.push_back(held[row]);
  }
  return {index, std::move(rows), std::move(counts)};
}

}  // namespace kinspace::text
