#include <coppice/acceptor_ref.hpp>

#include "acceptor_core.hpp"

#include <coppice/child_policy.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/supervisor/refused_child.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/supervisor.hpp>

#include <stdexcept>
#include <string_view>

namespace coppice {

namespace detail {

namespace {

[[noreturn]] void refuse_acceptor(std::string_view name, std::string_view rule) {
  throw std::invalid_argument{"acceptor \"" + std::string{name} + "\": " + std::string{rule}};
}

void check_options(std::string_view name, const acceptor_options& o, bool has_function) {
  if (!has_function) refuse_acceptor(name, "it needs a function (missing on_connection)");
  if (o.max_connections == 0) refuse_acceptor(name, "its max_connections must be above zero");
  if (o.drain.time() < duration::zero()) refuse_acceptor(name, "its drain must not be negative");
  if (o.shutdown.is_timed() && o.shutdown.time() < duration::zero()) {
    refuse_acceptor(name, "its shutdown time must not be negative");
  }
  if (o.backlog <= 0) refuse_acceptor(name, "its backlog must be above zero");
}

// The dynamic supervisor has no max_children: a connection that has ended counts there for a moment
// longer than here, and the one after it would be refused. The time in which the listener stops is
// limited by itself.
supervisor_spec spec_of(const std::shared_ptr<const acceptor_setup>& setup) {
  const auto core = std::make_shared<acceptor_core>(current_process(), setup);
  return {.name = setup->name,
          .strategy = one_for_one,
          .children = {dynamic_supervisor({.name = setup->connections}).with_id("connections"),
                       worker("listener", [core](init_ack up) { return listen(core, up); })
                           .with_shutdown(infinity)}};
}

[[noreturn]] void fail_of(errc why) {
  throw boost::system::system_error{make_error_code(why), "an acceptor"};
}

acceptor_core& core_of(const process_ref& acceptor) {
  process* const p = access::slot(acceptor);
  if (p == nullptr || p->life.is_spawned()) fail_of(errc::noproc);
  acceptor_core* const core = acceptor_core::of(*p);
  if (core == nullptr) fail_of(errc::wrong_type);
  return *core;
}

// A connection would wait for its own end.
void check_outside(process* caller, const process* acceptor) {
  for (; caller != nullptr; caller = caller->parent()) {
    if (caller == acceptor) fail_of(errc::would_deadlock);
  }
}

}  // namespace

child_spec acceptor_child(std::string endpoint, acceptor_options options, bool has_function,
                          make_listening_socket make) {
  std::string name = options.name.empty() ? std::move(endpoint) : options.name;
  try {
    check_options(name, options, has_function);
  } catch (const std::invalid_argument& why) {
    return refused_child(std::move(name), why);
  }
  const auto setup = std::make_shared<const acceptor_setup>(
      acceptor_setup{std::move(name), std::move(options), std::move(make)});
  return supervisor(setup->name, [setup] { return spec_of(setup); });
}

scheduler& acceptor_drained_wait::home() const { return access::home_or_here(acceptor); }

void acceptor_drained_wait::arm(waiter& w) {
  try {
    acceptor_core& core = core_of(acceptor);
    check_outside(caller_on(core.home()), access::slot(acceptor));
    wait.mine.of = &core;
  } catch (const boost::system::system_error& e) {
    refused = e.code();
    return w.wake();
  }
  wait.limit = limit;
  wait.arm(w);
}

}  // namespace detail

bool acceptor_ref::is_listening() const { return detail::core_of(to_).is_listening(); }

acceptor_counts acceptor_ref::counts() const { return detail::core_of(to_).counts(); }

void acceptor_ref::close() const { detail::core_of(to_).close(); }

const std::any& acceptor_ref::any_endpoint() const {
  const std::any& endpoint = detail::core_of(to_).local_endpoint();
  if (endpoint.has_value()) return endpoint;
  detail::fail_of(errc::noproc);
}

}  // namespace coppice
