// How a search was done, as Python gets it.
#include "bind/trace.hpp"

#include "bind/array.hpp"

namespace kinspace::bind {
namespace {

const char* name_of(const PartPlan& plan) {
  if (plan.allowed == 0) return "none";
  if (plan.way == Way::exact) return "scan";
  return plan.way == Way::all ? "graph" : "two hops";
}

nb::dict to_dict(const PartPlan& plan) {
  nb::dict made;
  const Counts& done = plan.done.counts;
  made["way"] = name_of(plan);
  made["allowed"] = plan.allowed;
  made["gave_up"] = plan.gave_up;
  if (plan.graph) {
    made["ef"] = plan.ef;
    made["costs"] = nb::dict();
    made["costs"]["scan"] = plan.costs.exact / 1e9;
    made["costs"]["graph"] = plan.costs.all / 1e9;
    made["costs"]["two hops"] = plan.costs.two_hops / 1e9;
  }
  made["sampled"] = plan.done.sampled;
  made["coded"] = done.coded;
  made["looked"] = done.looked;
  made["compared"] = done.compared;
  made["tiled"] = done.tiled;
  made["counted"] = done.counted;
  made["hops"] = done.hops;
  made["scored"] = done.scored;
  made["candidates"] = done.candidates;
  made["exact"] = done.exact;
  made["seconds"] = plan.done.seconds;
  made["ranking"] = plan.done.ranking;
  return made;
}

}  // namespace

nb::object to_counts(const Answer& answer, int ndim) {
  const auto of = [&](std::size_t q) { return answer.scanned + (answer.visited.empty() ? 0 : answer.visited[q]); };
  if (ndim == 1) return nb::steal(PyLong_FromUnsignedLongLong(of(0)));
  const std::size_t m = answer.found.size();
  std::int64_t* out;
  nb::object made = empty(m, &out);
  for (std::size_t q = 0; q < m; ++q) out[q] = static_cast<std::int64_t>(of(q));
  return made;
}

nb::dict to_dict(const Trace& trace) {
  nb::list parts;
  for (const PartPlan& plan : trace.parts) parts.append(to_dict(plan));
  nb::dict made;
  made["parts"] = parts;
  made["seconds"] = trace.seconds;
  made["ranking"] = trace.ranking;
  made["threads"] = trace.threads;
  return made;
}

}  // namespace kinspace::bind
