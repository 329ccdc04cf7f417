#include "text/search.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace kinspace::text {
namespace {

constexpr std::size_t window_words = 64, window = 64 * window_words;  // rows looked at together
using Bits = std::array<std::uint64_t, window_words>;

// Grows with count and falls with length in every rounded step, so that what it says of a block bounds its rows.
struct Scorer {
  double flat, slope;

  explicit Scorer(double average) : flat(k1 * (1 - b)), slope(k1 * b / average) {}
  std::int64_t operator()(double weight, std::uint32_t count, std::uint32_t length) const {
    const double norm = flat + slope * length;
    return static_cast<std::int64_t>(weight * (k1 + 1) / (1 + norm / count) * unit + 0.5);
  }
};

// Bits begin…begin + 64 of a bitmap of `end` bits.
std::uint64_t word_at(const std::uint64_t* words, std::size_t begin, std::size_t end) {
  const std::size_t shift = begin % 64;
  std::uint64_t word = words[begin / 64] >> shift;
  if (shift != 0 && begin / 64 + 1 < (end + 63) / 64) word |= words[begin / 64 + 1] << (64 - shift);
  return word;
}

// A clause as a window sees it.
struct Active {
  Cursor cursor;
  double weight;
  Role role;
  std::int64_t bound = 0;
};

// The least of the best so far on top: the lowest score, and of equal ones the latest row.
bool better(const Found& one, const Found& other) {
  return one.score != other.score ? one.score > other.score : one.row < other.row;
}

class Search {
 public:
  Search(const Index& index, const Asked& asked)
      : index_(index), asked_(asked), scorer_(asked.average), need_(std::max<std::int64_t>(asked.need, 0)) {
    for (const Clause& clause : asked.clauses) clauses_.push_back({Cursor(*clause.list), clause.weight, clause.role});
  }

  std::vector<Found> run() {
    for (std::size_t start = 0; start < index_.rows && asked_.k > 0; start += window) look(start);
    std::sort(best_.begin(), best_.end(), better);
    return std::move(best_);
  }

 private:
  void look(std::size_t start) {
    stop_ = std::min(index_.rows, start + window);
    if (!allow(start)) return;
    std::int64_t total = 0;
    scored_.clear();
    for (Active& clause : clauses_) {
      if (clause.role == Role::never) continue;
      bound(clause, start);
      if (clause.bound == 0) continue;
      total += clause.bound;
      scored_.push_back(&clause);
    }
    if (scored_.empty() || total < need_) return;
    std::sort(scored_.begin(), scored_.end(), [](const Active* a, const Active* o) { return a->bound < o->bound; });
    // the first few, which alone can't make a row good enough, are asked only about rows that the others name
    std::size_t few = 0;
    std::int64_t sum = 0;
    while (few + 1 < scored_.size() && sum + scored_[few]->bound < need_) sum += scored_[few++]->bound;
    touched_.fill(0);
    for (std::size_t i = few; i < scored_.size(); ++i) accumulate(*scored_[i], start);
    for (std::size_t w = 0; w < window_words; ++w) {
      for (std::uint64_t bits = touched_[w]; bits != 0; bits &= bits - 1) {
        const std::size_t at = 64 * w + static_cast<std::size_t>(std::countr_zero(bits));
        consider(static_cast<std::uint32_t>(start + at), sums_[at], few, sum);
        sums_[at] = 0;
      }
    }
  }

  // Which rows of the window may be found; whether any.
  bool allow(std::size_t start) {
    std::uint64_t any = 0;
    const std::size_t end = asked_.first + index_.rows;
    for (std::size_t w = 0; w < window_words; ++w) {
      const std::size_t from = start + 64 * w;
      std::uint64_t word = from < stop_ ? ~std::uint64_t{0} : 0;
      if (word != 0 && stop_ - from < 64) word = (std::uint64_t{1} << (stop_ - from)) - 1;
      if (word != 0 && asked_.live != nullptr) word &= word_at(asked_.live, asked_.first + from, end);
      if (word != 0 && asked_.mask != nullptr) word &= word_at(asked_.mask, asked_.first + from, end);
      allowed_[w] = word;
      any |= word;
    }
    for (Active& clause : clauses_) {
      if (any == 0) return false;
      if (clause.role == Role::any) continue;
      Bits there{};
      each_block(clause, start, [&](const Block& block) {
        for (std::size_t i = 0; i < block.n; ++i) {
          const std::size_t at = block.rows[i] - start;
          if (at < window) there[at / 64] |= std::uint64_t{1} << (at % 64);
        }
      });
      any = 0;
      for (std::size_t w = 0; w < window_words; ++w)
        any |= allowed_[w] &= clause.role == Role::must ? there[w] : ~there[w];
    }
    return any != 0;
  }

  template <class Use>
  void each_block(Active& clause, std::size_t start, const Use& use) {
    if (!clause.cursor.reach(static_cast<std::uint32_t>(start))) return;
    const List& list = *clause.cursor.list;
    for (std::size_t n = clause.cursor.number; n < list.blocks(); ++n) {
      use(clause.cursor.at(n));
      if (list.last(n) >= stop_ - 1) return;
    }
  }

  void bound(Active& clause, std::size_t start) {
    clause.bound = 0;
    if (!clause.cursor.reach(static_cast<std::uint32_t>(start))) return;
    const List& list = *clause.cursor.list;
    for (std::size_t n = clause.cursor.number; n < list.blocks(); ++n) {
      if (n > clause.cursor.number && list.last(n - 1) >= stop_ - 1) return;
      clause.bound = std::max(clause.bound, scorer_(clause.weight, list.most(n), list.shortest(n)));
    }
  }

  void accumulate(Active& clause, std::size_t start) {
    each_block(clause, start, [&](const Block& block) {
      for (std::size_t i = 0; i < block.n; ++i) {
        const std::size_t at = block.rows[i] - start;  // huge for rows before the window
        if (at >= window) continue;
        const std::uint64_t bit = std::uint64_t{1} << (at % 64);
        if ((allowed_[at / 64] & bit) == 0) continue;
        touched_[at / 64] |= bit;
        sums_[at] += scorer_(clause.weight, block.counts[i], index_.lengths[block.rows[i]]);
      }
    });
  }

  // Add what the first `few` clauses give a row, as long as it may be among the best.
  void consider(std::uint32_t row, std::int64_t score, std::size_t few, std::int64_t rest) {
    for (std::size_t i = few; i-- > 0;) {
      if (score + rest < need_) return;
      rest -= scored_[i]->bound;
      const std::int64_t place = scored_[i]->cursor.seek(row);
      if (place < 0) continue;
      const std::uint32_t count = scored_[i]->cursor.block.counts[place];
      score += scorer_(scored_[i]->weight, count, index_.lengths[row]);
    }
    if (score < need_) return;
    best_.push_back({score, row});
    std::push_heap(best_.begin(), best_.end(), better);
    if (best_.size() > asked_.k) {
      std::pop_heap(best_.begin(), best_.end(), better);
      best_.pop_back();
    }
    if (best_.size() == asked_.k) need_ = std::max(need_, best_.front().score + 1);
  }

  const Index& index_;
  const Asked& asked_;
  const Scorer scorer_;
  std::vector<Active> clauses_;
  std::vector<Active*> scored_;  // those the window has, the one that gives least first
  Bits allowed_{}, touched_{};
  std::array<std::int64_t, window> sums_{};  // zero but for rows touched
  std::size_t stop_ = 0;
  std::int64_t need_;
  std::vector<Found> best_;
};

}  // namespace

std::vector<Found> search(const Index& index, const Asked& asked) { return Search(index, asked).run(); }

std::vector<std::int64_t> scores_of(const Index& index, const Asked& asked, const std::vector<std::uint32_t>& rows) {
  const Scorer scorer(asked.average);
  std::vector<std::int64_t> scores(rows.size(), 0);
  for (const Clause& clause : asked.clauses) {
    if (clause.role == Role::never) continue;
    Cursor cursor(*clause.list);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int64_t place = cursor.seek(rows[i]);
      if (place >= 0) scores[i] += scorer(clause.weight, cursor.block.counts[place], index.lengths[rows[i]]);
    }
  }
  return scores;
}

}  // namespace kinspace::text
