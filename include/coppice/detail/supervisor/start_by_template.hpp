#pragma once

#include <coppice/child_start.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/in_place.hpp>
#include <coppice/process_ref.hpp>

#include <any>
#include <utility>

namespace coppice::detail {

// Each child of a template has its argument, of the type that the template takes.
COPPICE_API child_start start_from_template(const process_ref& supervisor, std::any argument);

// What has the flags of a supervisor, of whatever kind, and is no child spec.
template <class Spec>
concept supervisor_spec_of_any_kind = requires(const Spec& s) {
  s.intensity;
  s.period;
};

template <class Spec>
child_start refuse_supervisor_spec() {
  static_assert(never<Spec>,
                "a supervisor is started as a child by its child spec: `coppice::supervisor(spec)`, "
                "dynamic_supervisor(spec), partition_supervisor(spec) or task_supervisor(spec)");
  return start_from_template({}, {});
}

}  // namespace coppice::detail
