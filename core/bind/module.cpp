// kinspace._core: a list of what it binds.
#include "bind/array.hpp"
#include "bind/bind.hpp"

NB_MODULE(_core, m) {
  using namespace kinspace::bind;
  nanobind::set_leak_warnings(false);  // a daemon thread may hold objects when the process ends
  import_numpy();
  bind_errors(m);
  bind_gil(m);
  bind_machine(m);
  bind_codes(m);
  bind_exact(m);
  bind_plane(m);
  bind_rows(m);
  bind_scan(m);
  bind_topk(m);
  bind_keys(m);
  bind_mapping(m);
  bind_graph(m);
}
