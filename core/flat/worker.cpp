// Blocks of rows: norms, kernels, survivors, bounds.
#include "flat/worker.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kinspace {
namespace {

constexpr std::size_t widest = 3;  // registers of queries in a tile

// The norm as float, NaN where bounds don't hold for it. float_squares is a float sum that may have left its range.
float checked_norm(float float_squares, const ExactKernels& exact, const float* row, std::size_t dims) {
  if (float_squares >= least_norm * least_norm && float_squares <= most_norm * most_norm)
    return std::sqrt(float_squares);
  const double norm = std::sqrt(squares(exact, row, dims));
  return norm == 0.0 || (norm >= least_norm && norm <= most_norm) ? static_cast<float>(norm) : NAN;
}

constexpr std::size_t first_cache = std::size_t{24} << 10, second_cache = std::size_t{128} << 10;  // bytes to be had

// Rows in so many bytes: a multiple of 8, at most a block.
std::size_t rows_within(std::size_t bytes, std::size_t dims) {
  return std::clamp<std::size_t>(bytes / (dims * sizeof(float)) / 8 * 8, 8, block_rows);
}

}  // namespace

struct Worker::Block {
  const float* const* rows;
  const float* const* next;  // the rows of the block after
  const std::size_t* ids;
  std::size_t n, first;  // first: position of the part's row 0
  bool has_norms, in_cache;
};

Worker::Worker(const Queries& queries, const Parts& parts, std::size_t k, bool cached)
    : room{rows_within(queries.tiles.empty() ? first_cache : second_cache, queries.dims), {}},
      planes(queries, parts, candidates, counts),
      queries_(queries),
      parts_(parts) {
  constexpr std::size_t in_flight = 12 << 10;  // bytes that hide the latency of memory (measured; 8 to 32 KB are alike)
  ahead_ = cached ? 0 : std::clamp<std::size_t>(in_flight / (queries.dims * sizeof(float)), 1, most_ahead);
  candidates.reserve(queries.m);
  for (std::size_t q = 0; q < queries.m; ++q) candidates.emplace_back(k);
  single_out_ = Buffer<float>((queries.m - queries.singles) * block_rows);
  if (queries.tiles.empty()) return;
  const std::size_t room = block_rows * widest * queries.kernels.lanes;
  tile_out_ = Buffer<float>(room);
  hits_ = Buffer<std::uint32_t>(room);
}

void Worker::compare(const Part& part, const RowList& list) {
  // Tiles read a block once for each group of queries: it should stay in the cache meanwhile.
  const std::size_t most = queries_.tiles.empty() ? block_rows : rows_within(second_cache, queries_.dims);
  counts.tiled += list.n * queries_.singles;
  counts.compared += list.n * (queries_.m - queries_.singles);
  for (std::size_t j = 0; j < list.n && bad < 0; j += most) {
    Block block{list.rows + j, list.rows + j + most, list.ids + j, std::min(most, list.n - j), part.first,
                false,         list.in_cache};
    prepare(part, block);
    if (!queries_.tiles.empty()) compare_tiles(block);
    compare_singles(block);
  }
}

void Worker::collect(const Part& part, const RowList& list) {
  double distances[block_rows];
  counts.exact += list.n * queries_.m;
  for (std::size_t from = 0; from < list.n; from += block_rows) {
    const std::size_t count = std::min(block_rows, list.n - from);
    for (std::size_t q = 0; q < queries_.m; ++q) {
      queries_.distances(q, list.rows + from, count, distances);
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t row = list.ids[from + i], position = part.first + row;
        if (!std::isfinite(distances[i])) {
          bad = static_cast<std::int64_t>(position);
          return;
        }
        const std::uint64_t rank = parts_.by_position ? position : part.rows->rank(row);
        candidates[q].settle({distances[i], rank, static_cast<std::int64_t>(position)});
      }
    }
  }
}

// Norms, where they are needed and given or cheap to have now.
void Worker::prepare(const Part& part, Block& block) {
  if (queries_.metric == Metric::l2 && queries_.tiles.empty()) return;
  if (part.rows->norms != nullptr) {
    for (std::size_t i = 0; i < block.n; ++i) norm_[i] = part.rows->norms[block.ids[i]];
  } else if (!queries_.tiles.empty()) {
    queries_.kernels.squares(block.rows, block.n, queries_.dims, 0, s_);
    for (std::size_t i = 0; i < block.n; ++i)
      norm_[i] = checked_norm(s_[i], *queries_.kernels.exact, block.rows[i], queries_.dims);
  } else {
    return;  // the first query sums squares beside its dots
  }
  block.has_norms = true;
}

void Worker::compare_tiles(const Block& block) {
  const Kernels& kernels = queries_.kernels;
  const Bounds& bounds = queries_.tiled;
  alignas(64) float tau[widest * 16];
  for (std::size_t i = 0; i < block.n; ++i) {
    const float norm = norm_[i];
    if (queries_.metric == Metric::cosine) {
      mul_[i] = norm == 0.0f ? 1.0f : 1.0f / norm;
      add_[i] = 0.0f;
    } else if (queries_.metric == Metric::ip) {
      mul_[i] = 1.0f;
      add_[i] = static_cast<float>(bounds.dot) * norm;
    } else {
      const double squares = static_cast<double>(norm) * norm;
      mul_[i] = 2.0f;
      add_[i] = static_cast<float>(squares * (bounds.l2_row - 1.0));
    }
  }
  for (const Tile& tile : queries_.tiles) {
    const float* const* next = tile.first == 0 ? block.next : nullptr;
    kernels.tile[tile.width / kernels.lanes - 1](tile.packed, block.rows, next, block.n, queries_.dims,
                                                 tile_out_.data());
    for (std::size_t j = 0; j < tile.width; ++j) {
      if (j >= tile.count) {
        tau[j] = HUGE_VALF;
        continue;
      }
      const double lowest = candidates[tile.first + j].tau();
      const double squares = queries_.squares[tile.first + j];
      tau[j] = float_below(queries_.metric == Metric::cosine ? lowest - bounds.cosine
                           : queries_.metric == Metric::ip   ? lowest
                                                             : squares * (1.0 - bounds.l2_query) + lowest);
    }
    const std::size_t hits = kernels.sift_tile(tile_out_.data(), mul_, add_, tau, block.n, tile.width, hits_.data());
    counts.candidates += hits;
    for (std::size_t h = 0; h < hits && bad < 0; ++h) {
      const auto width = static_cast<std::uint32_t>(tile.width);
      const std::uint32_t i = hits_[h] / width, j = hits_[h] % width;
      if (j >= tile.count) continue;
      float s = tile_out_[hits_[h]];
      if (queries_.metric == Metric::l2) s = kernels.l2sq(queries_.query(tile.first + j), block.rows[i], queries_.dims);
      consider(tile.first + j, bounds, s, norm_[i], block.first + block.ids[i]);
    }
  }
}

// Queries one by one take turns on as many rows as stay in the first-level cache.
void Worker::compare_singles(Block& block) {
  const std::size_t first = queries_.singles, n = queries_.m - first;
  if (n == 0) return;
  const std::size_t turn = n == 1 ? block_rows : rows_within(first_cache, queries_.dims);
  for (std::size_t from = 0; from < block.n; from += turn)
    for (std::size_t q = 0; q < n; ++q)
      sum_single(block, first + q, from, std::min(turn, block.n - from), single_out_.data() + q * block_rows);
  prepare_sift(block);
  const std::uint64_t all = block.n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << block.n) - 1;
  for (std::size_t q = first; q < queries_.m && bad < 0; ++q) {
    const float* s = single_out_.data() + (q - first) * block_rows;
    std::uint64_t kept = queries_.kernels.sift(s, mul_, add_, sift_tau(q)) & all;
    counts.candidates += bits_set(kept);
    for (; kept != 0 && bad < 0; kept &= kept - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(kept));
      consider(q, queries_.single, s[i], norm_[i], block.first + block.ids[i]);
    }
  }
}

// The float sums of rows from…from + n of the block, and their norms if they are not known yet.
void Worker::sum_single(const Block& block, std::size_t q, std::size_t from, std::size_t n, float* s) {
  const Kernels& kernels = queries_.kernels;
  const float* query = queries_.scan_query(q);
  const float* const* rows = block.rows + from;
  const bool first = q == queries_.singles;
  const std::size_t ahead = first && queries_.tiles.empty() && !block.in_cache ? ahead_ : 0;
  if (queries_.metric == Metric::l2) {
    kernels.l2sqs(query, rows, n, queries_.dims, ahead, s + from);
  } else if (block.has_norms || !first) {
    kernels.dots(query, rows, n, queries_.dims, ahead, s + from);
  } else {
    kernels.dots_squares(query, rows, n, queries_.dims, ahead, s + from, norm_ + from);
    for (std::size_t i = 0; i < n; ++i)
      norm_[from + i] = checked_norm(norm_[from + i], *kernels.exact, rows[i], queries_.dims);
  }
}

void Worker::prepare_sift(const Block& block) {
  for (std::size_t i = 0; i < block.n; ++i) {
    mul_[i] = queries_.metric == Metric::l2                       ? -1.0f
              : queries_.metric == Metric::ip || norm_[i] == 0.0f ? 1.0f
                                                                  : 1.0f / norm_[i];
    add_[i] = queries_.metric == Metric::ip ? static_cast<float>(queries_.single.dot) * norm_[i] : 0.0f;
  }
}

float Worker::sift_tau(std::size_t q) const {
  const Bounds& bounds = queries_.single;
  const double lowest = candidates[q].tau();
  return float_below(queries_.metric == Metric::cosine ? lowest - bounds.cosine
                     : queries_.metric == Metric::ip   ? lowest
                                                       : (lowest - bounds.l2_tiny) / (1.0 - bounds.l2));
}

// s is the float dot with the unit query, or for l2 the direct float sum of squared differences.
void Worker::consider(std::size_t q, const Bounds& bounds, float s, float norm, std::size_t position) {
  if (!std::isfinite(s)) {
    const Room room(parts_, 1);
    if (!queries_.kernels.finite(parts_.row(position, room.at(0)), queries_.dims)) {
      bad = static_cast<std::int64_t>(position);
      return;
    }
    admit(q, -HUGE_VAL, HUGE_VAL, position);
  } else if (queries_.metric == Metric::l2) {
    const double slack = s * bounds.l2 + bounds.l2_tiny;
    admit(q, -s - slack, -s + slack, position);
  } else if (!std::isfinite(norm)) {
    admit(q, -HUGE_VAL, HUGE_VAL, position);
  } else {
    const bool cosine = queries_.metric == Metric::cosine;
    const double near = cosine && norm != 0.0f ? static_cast<double>(s) / norm : s;
    const double slack = cosine ? bounds.cosine : bounds.dot * norm;
    admit(q, near - slack, near + slack, position);
  }
}

void Worker::admit(std::size_t q, double lower, double upper, std::size_t position) {
  Candidates& mine = candidates[q];
  if (mine.add(static_cast<float>(lower), static_cast<float>(upper), static_cast<std::int64_t>(position)))
    mine.tighten(queries_, q, parts_);
}

}  // namespace kinspace
