#pragma once

#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/supervisor/wrong_specs.hpp>
#include <coppice/detail/supervisor/supervisor_init.hpp>
#include <coppice/supervisor_ref.hpp>
#include <coppice/supervisor_spec.hpp>

#include <boost/asio/io_context.hpp>

#include <functional>
#include <string>
#include <utility>

namespace coppice {

/// Starts a supervisor on the io_context and returns a handle at once; await `ready()` of it to
/// know that its children are up. It has no parent: it lives until `stop()`, until it gives up, or
/// until the io_context is destroyed.
///
/// Whoever runs the io_context by hand restarts it first if it has run out of work before, as with
/// everything in Asio: `io.run()` would return at once. `coppice::run` and `virtual_clock` do so.
///
/// @throws std::invalid_argument naming the rule that the spec breaks; nothing has started then.
/// @par Thread safety
/// Only on the loop's thread, or while the loop does not run.
/// @par Origin
/// `supervisor:start_link/2`, without the link.
COPPICE_API supervisor_ref start_supervisor(asio::io_context& io, supervisor_spec spec);
COPPICE_API dynamic_supervisor_ref start_supervisor(asio::io_context& io,
                                                    dynamic_supervisor_spec spec);

/// The same with a function that says what the supervisor is, called in the new process. What it
/// throws, and a spec that breaks a rule, is a failed start.
///
/// @par Origin
/// A supervisor module with an `init/1`.
template <detail::supervisor_init Init>
supervisor_ref start_supervisor(asio::io_context& io, Init init) {
  return detail::start_supervisor_by(io, std::move(init));
}

/// Starts a supervisor linked to the calling process, whose end, for whatever reason, stops it with
/// that reason.
///
/// If it does not come up, a caller who awaits `ready()` is told there and nowhere else; one who
/// does not hears of it through the link.
///
/// @throws std::invalid_argument naming the rule that the spec breaks; nothing has started then.
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `supervisor:start_link/2`.
COPPICE_API supervisor_ref start_supervisor_link(supervisor_spec spec);
COPPICE_API dynamic_supervisor_ref start_supervisor_link(dynamic_supervisor_spec spec);

/// The spec of a supervisor as a child of another: permanent, with unlimited time to shut down.
/// Its own spec is used anew for each start, so children added later do not survive its restart.
///
/// If it breaks a rule, the child is refused by what it is given to (a supervisor, `run`, `check`):
/// the words name the supervisors from the outermost one down to the fault.
[[nodiscard]] COPPICE_API child_spec supervisor(supervisor_spec spec);

/// The same with a function that says what the supervisor is, called in the new process for each
/// start and restart: a supervisor that is written as a class of its own gives its `init` here.
/// Without a function the child is refused, as above.
template <detail::supervisor_init Init>
[[nodiscard]] child_spec supervisor(std::string id, Init init) {
  return detail::supervisor_made_by(std::move(id), std::move(init));
}

/// The spec of a dynamic supervisor as a child of another. As `supervisor`.
[[nodiscard]] COPPICE_API child_spec dynamic_supervisor(dynamic_supervisor_spec spec);

// These refuse a spec without a strategy, in words.
template <class Never = void>
supervisor_ref start_supervisor(asio::io_context&, detail::spec_without_strategy) {
  static_assert(detail::refuse_without_strategy<Never>());
  return {};
}
template <class Never = void>
supervisor_ref start_supervisor_link(detail::spec_without_strategy) {
  static_assert(detail::refuse_without_strategy<Never>());
  return {};
}
template <class Never = void>
child_spec supervisor(detail::spec_without_strategy) {
  static_assert(detail::refuse_without_strategy<Never>());
  return {};
}

}  // namespace coppice
