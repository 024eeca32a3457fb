#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/child_start.hpp>
#include <coppice/detail/base/in_place.hpp>
#include <coppice/detail/supervisor/request_waits.hpp>

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

// Specs that are given where they do not belong. They are refused by the compiler, in words that
// say what to write instead.

namespace coppice::detail {

struct given_children {
  given_children(std::vector<child_spec>) {}
  given_children(std::initializer_list<child_spec>) {}
};

// Takes a spec that is written in place with children and without a strategy, so that the compiler
// says what is missing and not that nothing matches. It has the members of `supervisor_spec` in
// their order, without the strategy.
struct spec_without_strategy {
  std::string name{};
  std::size_t intensity = 3;
  std::chrono::steady_clock::duration period = std::chrono::seconds{5};
  coppice::auto_shutdown auto_shutdown = coppice::auto_shutdown::never;
  given_children children;
};

template <class Never>
consteval bool refuse_without_strategy() {
  static_assert(never<Never>,
                "the strategy of this supervisor is missing: `.strategy = coppice::one_for_one`, "
                "one_for_all or rest_for_one, after its name");
  return false;
}

// A type that has the flags of a supervisor, of whatever kind, and is no child spec.
template <class Spec>
concept supervisor_spec_of_any_kind = requires(const Spec& s) {
  s.intensity;
  s.period;
};

template <class Spec>
child_start refuse_supervisor_spec() {
  static_assert(
      never<Spec>,
      "a supervisor is started as a child by its child spec: `coppice::supervisor(spec)`, "
      "dynamic_supervisor(spec), partition_supervisor(spec) or task_supervisor(spec)");
  return start_from_template({}, {});
}

}  // namespace coppice::detail
