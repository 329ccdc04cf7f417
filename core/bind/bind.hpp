// The list of what the module is made of.
#pragma once
#include <nanobind/nanobind.h>

namespace kinspace::bind {

void bind_errors(nanobind::module_& m);
void bind_gil(nanobind::module_& m);
void bind_machine(nanobind::module_& m);
void bind_codes(nanobind::module_& m);
void bind_exact(nanobind::module_& m);
void bind_plane(nanobind::module_& m);
void bind_rows(nanobind::module_& m);
void bind_scan(nanobind::module_& m);
void bind_topk(nanobind::module_& m);
void bind_keys(nanobind::module_& m);
void bind_mapping(nanobind::module_& m);
void bind_graph(nanobind::module_& m);

}  // namespace kinspace::bind
