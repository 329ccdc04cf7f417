#include "text/build.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "text/index.hpp"
#include "text/pack.hpp"

namespace kinspace::text {
namespace {

constexpr std::uint32_t gap_token = 0xFFFFFFFF;

// What each byte is in a word; 0 where it ends one.
constexpr std::array<char, 256> letters = [] {
  std::array<char, 256> made{};
  for (int c = 0; c < 256; ++c) {
    const bool small = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
    if (small || digit || c >= 128) made[static_cast<std::size_t>(c)] = static_cast<char>(c);
    if (c >= 'A' && c <= 'Z') made[static_cast<std::size_t>(c)] = static_cast<char>(c - 'A' + 'a');
  }
  return made;
}();

// FNV-1a, a letter at a time as words are read; its high bits, which are mixed best, are folded into the low ones.
constexpr std::uint64_t hash_start = 0xCBF29CE484222325, hash_factor = 0x100000001B3;
std::uint32_t folded(std::uint64_t hash) { return static_cast<std::uint32_t>(hash ^ (hash >> 32)); }

}  // namespace

std::string_view Builder::word(std::size_t number) const {
  const std::uint64_t begin = word_at_[number];
  const std::uint64_t end = number + 1 < word_at_.size() ? word_at_[number + 1] : letters_.size();
  return std::string_view(letters_).substr(begin, end - begin);
}

void Builder::grow() {
  const std::size_t room = std::max<std::size_t>(1024, 2 * slots_.size());
  slots_.assign(room, 0);
  for (std::size_t number = 0; number < hashes_.size(); ++number) {
    std::size_t at = hashes_[number] & (room - 1);
    while (slots_[at] != 0) at = (at + 1) & (room - 1);
    slots_[at] = static_cast<std::uint32_t>(number + 1);
  }
}

std::uint32_t Builder::number_of(std::string_view word, std::uint32_t hash) {
  if (2 * hashes_.size() >= slots_.size()) grow();
  std::size_t at = hash & (slots_.size() - 1);
  for (; slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
    const std::uint32_t number = slots_[at] - 1;
    if (hashes_[number] == hash && this->word(number) == word) return number;
  }
  const auto number = static_cast<std::uint32_t>(hashes_.size());
  slots_[at] = number + 1;
  hashes_.push_back(hash);
  word_at_.push_back(letters_.size());
  letters_ += word;
  return number;
}

void Builder::add(std::string_view texts) {
  std::string word(texts.size(), '\0');  // room for the longest there can be
  for (std::size_t i = 0; i < texts.size();) {
    std::uint64_t hash = hash_start;
    std::size_t length = 0;
    for (char letter; i < texts.size() && (letter = letters[static_cast<unsigned char>(texts[i])]) != 0; ++i) {
      word[length++] = letter;
      hash = (hash ^ static_cast<unsigned char>(letter)) * hash_factor;
    }
    if (length > 0) {
      tokens_.push_back(number_of({word.data(), length}, folded(hash)));
      continue;
    }
    if (texts[i] == row_end)
      ends_.push_back(tokens_.size());
    else if (texts[i] == gap)
      tokens_.push_back(gap_token);
    ++i;
  }
}

Built Builder::finish(const std::uint32_t* term_of, std::size_t terms) const {
  Built built;
  // entries by term, in the order they come: the row, and the place in it
  std::vector<std::uint64_t> begin(terms + 1, 0);
  for (const std::uint32_t token : tokens_)
    if (token != gap_token) ++begin[term_of[token] + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<std::uint32_t> row_of(begin[terms]), place_of(begin[terms]);
  std::vector<std::uint64_t> next(begin.begin(), begin.end() - 1);
  built.lengths.resize(rows());
  std::uint64_t token = 0;
  for (std::size_t row = 0; row < rows(); ++row) {
    std::uint32_t place = 0, length = 0;
    for (; token < ends_[row]; ++token) {
      if (tokens_[token] == gap_token) {
        place += far;
        continue;
      }
      const std::uint64_t at = next[term_of[tokens_[token]]]++;
      row_of[at] = static_cast<std::uint32_t>(row);
      place_of[at] = place++;
      ++length;
    }
    built.lengths[row] = length;
  }
  built.counts.resize(terms);
  built.blocks.resize(terms + 1, 0);
  std::uint32_t deltas[block_rows], counts[block_rows];
  for (std::size_t term = 0; term < terms; ++term) {
    std::int64_t before = -1;
    std::uint32_t held = 0;
    for (std::uint64_t at = begin[term]; at < begin[term + 1];) {
      std::size_t n = 0;
      std::uint32_t widest = 0, most = 0, shortest = 0xFFFFFFFF;
      built.posting_at.push_back(built.postings.size());
      built.position_at.push_back(built.positions.size());
      for (; n < block_rows && at < begin[term + 1]; ++n) {
        const std::uint32_t row = row_of[at];
        std::uint32_t place = 0;
        const std::uint64_t first = at;
        for (; at < begin[term + 1] && row_of[at] == row; ++at) {
          put_number(built.positions, place_of[at] - place);
          place = place_of[at];
        }
        counts[n] = static_cast<std::uint32_t>(at - first) - 1;
        deltas[n] = static_cast<std::uint32_t>(row - before - 1);
        widest = std::max(widest, deltas[n]);
        most = std::max(most, counts[n]);
        shortest = std::min(shortest, built.lengths[row]);
        before = row;
      }
      const unsigned width = bits_of(widest), count_width = bits_of(most);
      built.postings.push_back(static_cast<std::uint8_t>(width));
      built.postings.push_back(static_cast<std::uint8_t>(count_width));
      pack(built.postings, deltas, n, width);
      pack(built.postings, counts, n, count_width);
      built.last.push_back(static_cast<std::uint32_t>(before));
      built.most.push_back(most + 1);
      built.shortest.push_back(shortest);
      held += static_cast<std::uint32_t>(n);
    }
    built.counts[term] = held;
    built.blocks[term + 1] = built.last.size();
  }
  built.postings.insert(built.postings.end(), slack, 0);
  return built;
}

}  // namespace kinspace::text
