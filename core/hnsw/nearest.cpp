// Parts by graph, parts exactly, merged.
#include "hnsw/nearest.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

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

// A scan of some parts, and what it tells.
class Scanned {
 public:
  Scanned(const Asked& asked, const Considered& considered, Trace* trace)
      : asked_(asked), considered_(considered), trace_(trace) {
    if (trace == nullptr) return;
    trace->parts.resize(considered.parts.parts.size());
    for (std::size_t p = 0; p < trace->parts.size(); ++p) trace->parts[p].allowed = considered.count(p);
  }

  // One query, one part, on this thread: the graph gave it up. done: added to.
  std::vector<Found> alone(std::size_t q, std::size_t p, Poll poll, std::uint64_t& visited, PartTrace& done) const {
    const Some some(considered_, {p});
    std::vector<PartTrace> parts;
    Tally tally{0, trace_ == nullptr ? nullptr : &parts};
    auto found = search(asked_.metric, asked_.queries + q * considered_.parts.dims, 1,
                        {some.parts, some.masks, considered_.exclude}, asked_.k, 1, poll, &tally);
    visited += tally.visited;
    for (const PartTrace& part : parts) {
      done += part;
      done.seconds += tally.ranking;
      done.ranking += tally.ranking;
    }
    return std::move(found.front());
  }

  // All queries, all parts.
  std::vector<std::vector<Found>> all(Poll poll, std::uint64_t& visited) const {
    std::vector<PartTrace> parts;
    Tally tally{0, trace_ == nullptr ? nullptr : &parts};
    auto found = search(asked_.metric, asked_.queries, asked_.m, considered_, asked_.k, asked_.threads, poll, &tally);
    tell(tally, visited, {});
    return found;
  }

  // All queries, the parts listed.
  std::vector<std::vector<Found>> some(const std::vector<std::size_t>& which, Poll poll, std::uint64_t& visited) const {
    const Some rest(considered_, which);
    std::vector<PartTrace> parts;
    Tally tally{0, trace_ == nullptr ? nullptr : &parts};
    auto found = search(asked_.metric, asked_.queries, asked_.m, {rest.parts, rest.masks, considered_.exclude},
                        asked_.k, asked_.threads, poll, &tally);
    tell(tally, visited, which);
    return found;
  }

 private:
  // which: the parts that were scanned, all if it is empty.
  void tell(const Tally& tally, std::uint64_t& visited, const std::vector<std::size_t>& which) const {
    visited += tally.visited;
    if (trace_ == nullptr) return;
    for (std::size_t i = 0; i < tally.parts->size(); ++i)
      trace_->parts[which.empty() ? i : which[i]].done += (*tally.parts)[i];
    trace_->ranking += tally.ranking;
    trace_->threads = std::max(trace_->threads, tally.threads);
  }

  const Asked& asked_;
  const Considered& considered_;
  Trace* trace_;
};

}  // namespace

Answer nearest(const Asked& asked, const Considered& considered, const std::vector<GraphOf>& graphs, Poll poll,
               Trace* trace) {
  const Parts& parts = considered.parts;
  Answer answer;
  const Scanned scanned(asked, considered, trace);
  std::vector<GraphPart> by_graph;
  std::vector<std::size_t> exactly;
  for (std::size_t p = 0; p < parts.parts.size(); ++p) {
    if (parts.parts[p].rows->n == 0) continue;
    const Graph* graph = graphs[p].graph;
    if (graph != nullptr && asked.recall < 1.0f && asked.k > 0) {
      const Allowed allowed = allowed_of(considered, p, graphs[p].live);
      if (allowed.count == 0) continue;
      const std::size_t ef = asked.ef != 0 ? asked.ef : ef_for(*graph, asked.recall, asked.k);
      const Way way = choose_way(*graph, allowed, std::min(asked.k, allowed.count), ef);
      if (trace != nullptr) {
        PartPlan& plan = trace->parts[p];
        plan.graph = true;
        plan.way = way;
        plan.ef = std::max(ef, std::min(asked.k, allowed.count));
        plan.costs = costs_of(*graph, allowed, std::min(asked.k, allowed.count), ef);
      }
      if (way != Way::exact) {
        by_graph.push_back({p, allowed});
        continue;
      }
    }
    exactly.push_back(p);
  }
  if (by_graph.empty()) {
    answer.found = scanned.all(poll, answer.scanned);
    return answer;
  }
  answer.exact = false;
  answer.found.resize(asked.m);
  if (asked.m > 1) answer.visited.resize(asked.m);
  const std::size_t threads = asked.m == 1 ? 1 : threads_for(asked.threads, 1e5 * static_cast<double>(asked.m));
  std::mutex tracing;
  if (trace != nullptr) trace->threads = std::min(threads, asked.m);
  for_items(asked.m, threads, poll, [&](std::size_t, std::size_t q) {
    std::vector<Found>& found = answer.found[q];
    std::uint64_t& visited = asked.m > 1 ? answer.visited[q] : answer.scanned;
    found.reserve(asked.k + 1);
    const float* query = asked.queries + q * parts.dims;
    const Wanted wanted{query, squares(exact(), query, parts.dims), asked.k, asked.ef, asked.recall, parts.by_position};
    for (const GraphPart& one : by_graph) {
      const Part& part = parts.parts[one.part];
      const Since begun(trace != nullptr);
      PartTrace done;
      const bool enough = search_graph(*graphs[one.part].graph, *part.rows, wanted, one.allowed, part.first, found,
                                       visited, trace == nullptr ? nullptr : &done);
      if (trace != nullptr) done.seconds = begun.seconds();
      if (!enough) merge(found, scanned.alone(q, one.part, poll, visited, done), asked.k);
      if (trace == nullptr) continue;
      const std::lock_guard lock(tracing);
      trace->parts[one.part].done += done;
      trace->parts[one.part].gave_up |= !enough;
    }
    return true;
  });
  if (exactly.empty()) return answer;
  const auto others = scanned.some(exactly, poll, answer.scanned);
  for (std::size_t q = 0; q < asked.m; ++q) merge(answer.found[q], others[q], asked.k);
  return answer;
}

}  // namespace kinspace
