// Exact search over parts.
#include "flat/scan.hpp"

#include <cmath>

#include "flat/errors.hpp"
#include "simd/kernels.hpp"

namespace kinspace {

double exact_distance(Metric metric, const float* query, double query_ss, const float* row, std::size_t dims) {
  const Kernels& k = kernels();
  switch (metric) {
    case Metric::cosine: {
      double sums[2];
      k.dot_squares(query, row, dims, sums);
      if (!std::isfinite(sums[0]) || !std::isfinite(sums[1])) return NAN;
      return cosine_distance(sums[0], query_ss, sums[1]);
    }
    case Metric::l2:
      return std::sqrt(k.l2sq(query, row, dims));
    case Metric::ip:
      return ip_distance(k.dot(query, row, dims));
  }
  return NAN;
}

std::vector<std::vector<Found>> Scan::search(const float* queries, std::size_t m, std::size_t k,
                                             const std::vector<const std::uint64_t*>& masks, std::int64_t exclude,
                                             const std::function<void()>& poll) const {
  std::vector<std::vector<Found>> out;
  for (std::size_t q = 0; q < m; ++q) {
    const float* query = queries + q * dims;
    const double ss = kernels().squares(query, dims);
    Best best(std::min(k, n));
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const Part& part = parts[p];
      for (std::size_t i = 0; i < part.rows->n; ++i) {
        if (i % 4096 == 0) poll();
        const auto position = static_cast<std::int64_t>(part.first + i);
        if (part.live && !(part.live[i / 64] >> (i % 64) & 1)) continue;
        if (!masks.empty() && masks[p] && !(masks[p][i / 64] >> (i % 64) & 1)) continue;
        if (position == exclude) continue;
        const double d = exact_distance(metric, query, ss, part.rows->row(i), dims);
        if (!std::isfinite(d)) throw NotFinite(position);
        best.add({d, by_position ? static_cast<std::uint64_t>(position) : part.rows->rank(i), position});
      }
    }
    out.push_back(best.sorted());
  }
  return out;
}

double Scan::distance(const float* query, double query_ss, std::size_t position) const {
  std::size_t lo = 0, hi = parts.size();
  while (hi - lo > 1) {
    const std::size_t mid = (lo + hi) / 2;
    (parts[mid].first <= position ? lo : hi) = mid;
  }
  return exact_distance(metric, query, query_ss, parts[lo].rows->row(position - parts[lo].first), dims);
}

}  // namespace kinspace
