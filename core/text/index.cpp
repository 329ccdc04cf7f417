#include "text/index.hpp"

#include <stdexcept>

namespace kinspace::text {
namespace {

void must(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

void ascending(const std::uint64_t* offsets, std::size_t count, std::size_t end, const char* what) {
  must(offsets[0] == 0 && offsets[count] <= end, what);
  for (std::size_t i = 0; i < count; ++i) must(offsets[i] <= offsets[i + 1], what);
}

}  // namespace

std::size_t Index::lower_bound(std::string_view wanted) const {
  std::size_t low = 0, high = terms;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (term(middle) < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

std::int64_t Index::find(std::string_view wanted) const {
  const std::size_t at = lower_bound(wanted);
  return at < terms && term(at) == wanted ? static_cast<std::int64_t>(at) : -1;
}

std::size_t Index::upper_bound(std::string_view prefix, std::size_t from) const {
  std::size_t low = from, high = terms;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (term(middle).substr(0, prefix.size()) == prefix)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void Index::check() const {
  ascending(offsets, terms, text_size, "offsets: out of range of the terms");
  ascending(blocks, terms, block_count, "blocks: out of range");
  must(blocks[terms] == block_count, "blocks: not as many as the terms have");
  must(postings_size >= slack, "postings: too few bytes");
  for (std::size_t t = 0; t < terms; ++t) {
    const std::size_t held = static_cast<std::size_t>(blocks[t + 1] - blocks[t]);
    must(held == (counts[t] + block_rows - 1) / block_rows && held > 0, "counts: not as many as there are blocks for");
    for (std::uint64_t b = blocks[t]; b < blocks[t + 1]; ++b)
      must(last[b] < rows && (b == blocks[t] || last[b] > last[b - 1]), "last: not rows in ascending order");
  }
  for (std::size_t b = 0; b < block_count; ++b)
    must(posting_at[b] + 2 <= postings_size - slack && position_at[b] <= positions_size, "blocks: past the last byte");
}

}  // namespace kinspace::text
