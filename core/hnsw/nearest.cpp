// Parts by graph, parts exactly, merged.
#include "hnsw/nearest.hpp"

#include <algorithm>

#include "flat/search.hpp"
#include "hnsw/filter.hpp"
#include "simd/dispatch.hpp"

namespace kinspace {
namespace {

// Some of the parts, where they are.
struct Some {
  Parts parts;
  std::vector<const std::uint64_t*> masks;

  Some(const Considered& all, const std::vector<std::size_t>& which) {
    for (const std::size_t p : which) {
      parts.parts.push_back(all.parts.parts[p]);
      parts.n += parts.parts.back().rows->n;
      if (!all.masks.empty()) masks.push_back(all.masks[p]);
    }
    parts.dims = all.parts.dims;
    parts.by_position = all.parts.by_position;
  }
};

void merge(std::vector<Found>& into, const std::vector<Found>& other, std::size_t k) {
  if (other.empty()) return;
  const auto middle = static_cast<std::ptrdiff_t>(into.size());
  into.insert(into.end(), other.begin(), other.end());
  std::inplace_merge(into.begin(), into.begin() + middle, into.end());
  if (into.size() > k) into.resize(k);
}

struct GraphPart {
  std::size_t part;
  Allowed allowed;
};

Allowed allowed_of(const Considered& considered, std::size_t p, std::size_t live) {
  const Part& part = considered.parts.parts[p];
  Allowed allowed;
  allowed.live = part.live;
  allowed.count = live;
  allowed.coded = part.plane != nullptr;
  if (!considered.masks.empty() && considered.masks[p] != nullptr) {
    allowed.mask = considered.masks[p];
    allowed.count = considered.count(p);
  }
  const auto exclude = static_cast<std::uint64_t>(considered.exclude) - part.first;
  if (considered.exclude < 0 || exclude >= part.rows->n) return allowed;
  allowed.exclude = static_cast<std::int64_t>(exclude);
  if (allowed.mask == nullptr && (part.live == nullptr || (part.live[exclude / 64] >> exclude % 64 & 1) != 0))
    --allowed.count;
  return allowed;
}

}  // namespace

Answer nearest(const Asked& asked, const Considered& considered, const std::vector<GraphOf>& graphs, Poll poll) {
  const Parts& parts = considered.parts;
  Answer answer;
  std::vector<GraphPart> by_graph;
  std::vector<std::size_t> exactly;
  for (std::size_t p = 0; p < parts.parts.size(); ++p) {
    if (parts.parts[p].rows->n == 0) continue;
    const Graph* graph = graphs[p].graph;
    if (graph != nullptr && asked.recall < 1.0f && asked.k > 0) {
      const Allowed allowed = allowed_of(considered, p, graphs[p].live);
      if (allowed.count == 0) continue;
      const std::size_t ef = asked.ef != 0 ? asked.ef : ef_for(*graph, asked.recall, asked.k);
      if (choose_way(*graph, allowed, std::min(asked.k, allowed.count), ef) != Way::exact) {
        by_graph.push_back({p, allowed});
        continue;
      }
    }
    exactly.push_back(p);
  }
  if (by_graph.empty()) {
    answer.found = search(asked.metric, asked.queries, asked.m, considered, asked.k, asked.threads, poll);
    return answer;
  }
  answer.exact = false;
  answer.found.resize(asked.m);
  const std::size_t threads = asked.m == 1 ? 1 : threads_for(asked.threads, 1e5 * static_cast<double>(asked.m));
  for_items(asked.m, threads, poll, [&](std::size_t, std::size_t q) {
    std::vector<Found>& found = answer.found[q];
    found.reserve(asked.k + 1);
    const float* query = asked.queries + q * parts.dims;
    const Wanted wanted{query, squares(exact(), query, parts.dims), asked.k, asked.ef, asked.recall, parts.by_position};
    for (const GraphPart& one : by_graph) {
      const Part& part = parts.parts[one.part];
      if (search_graph(*graphs[one.part].graph, *part.rows, wanted, one.allowed, part.first, found)) continue;
      const Some alone(considered, {one.part});
      const Considered only{alone.parts, alone.masks, considered.exclude};
      merge(found, search(asked.metric, query, 1, only, asked.k, 1, poll).front(), asked.k);
    }
    return true;
  });
  if (exactly.empty()) return answer;
  const Some rest(considered, exactly);
  const auto others = search(asked.metric, asked.queries, asked.m, {rest.parts, rest.masks, considered.exclude},
                             asked.k, asked.threads, poll);
  for (std::size_t q = 0; q < asked.m; ++q) merge(answer.found[q], others[q], asked.k);
  return answer;
}

}  // namespace kinspace
