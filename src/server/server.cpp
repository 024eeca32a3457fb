#include <coppice/server.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/call/call_slot.hpp>
#include <coppice/detail/server/state_keeper.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/name.hpp>
#include <coppice/report.hpp>
#include <coppice/supervisor.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace coppice {

namespace detail {

server_core& current_server(const void* type) {
  server_core* const core = server_core::of(here().current());
  if (core == nullptr) throw std::logic_error{"coppice: no server is at work right now"};
  if (type != nullptr && core->type != type) {
    throw std::logic_error{"coppice: the server at work is of another class"};
  }
  return *core;
}

// Called as the first step of a server's process, before its object is made. The name is registered
// and exit signals are trapped from here on: messages and stop requests that arrive during a long
// start wait in the queue instead of being lost.
void open_server(server_core& core, const std::string& name) {
  core.opened = true;
  core.self.more().subscriptions.push_back(core);
  if (!name.empty()) register_name(name);
}

// A server ends because a handler has thrown or because it was asked to stop. If both have
// happened, the exception tells more.
exit_reason end_reason(server_core& core) {
  if (core.failure) return reason_of(core.failure);
  return *core.requested.stop;
}

namespace {

void report_end(const server_core& core, const exit_reason& reason, const crash_snapshot& seen) {
  if (!reason.is_abnormal() || !core.home.listened_to()) return;
  process* const client = access::slot(seen.client);
  core.home.tell(server_terminated{.process = core.self.id(),
                                   .name = core.self.label(),
                                   .reason = reason,
                                   .last_message = seen.message,
                                   .state = seen.state,
                                   .client = seen.client,
                                   .client_name = client != nullptr ? client->label() : "",
                                   .client_alive = client != nullptr,
                                   .pending = seen.pending});
}

}  // namespace

// Called when the server has cleaned up. `seen` was taken before that: terminate() may change the
// state that the report shows.
void end(server_core& core, const exit_reason& reason, const crash_snapshot& seen) {
  process& p = core.self;
  report_end(core, reason, seen);
  // The call whose handler stopped the server is answered only now, after terminate(), as a
  // gen_server that returns {stop, Reason, Reply, State} answers.
  if (const auto last = std::move(core.stop_reply)) last->finish();
  p.reason = reason;
  p.exit_reason_final = true;
}

// A hook that throws does not turn the kill into an end of another kind: it is only reported.
void give_back_at_kill(server_core& core) noexcept {
  core.ending = true;
  if (auto fault = core.give_back()) report_end(core, reason_of(std::move(fault)), {});
}

state_keeper& current_keeper(const void* type) {
  server_core& core = current_server(type);
  if (core.keeper == nullptr || !core.keeper->in_stash()) {
    throw std::logic_error{"coppice: this server has no stash to save its state in"};
  }
  return *core.keeper;
}

// Checks the options of a server where its spec is made. The fault is given back instead of thrown:
// a spec is often part of a larger one, which reports it together with the supervisors around it.
std::optional<std::invalid_argument> fault_in_server(const std::string& name,
                                                     const server_options& options,
                                                     const std::type_info* state) {
  const auto fault = [&name](const char* rule) {
    return std::invalid_argument{"server \"" + name + "\": " + rule};
  };
  if (options.mailbox.limit == 0) return fault("its queue has room for at least one message");
  if (options.same_state_crashes == 0) {
    return fault("it starts afresh after at least one crash, not none");
  }
  if (options.state.stash.empty()) return std::nullopt;
  if (state == nullptr) return fault("a state is kept of classes that have state() and restore()");
  if (options.state.type != nullptr && *options.state.type != *state) {
    return fault("its state() returns another type than the place for its state is made for");
  }
  if (name.empty()) return fault("its state is kept under its name, and it has none");
  return std::nullopt;
}

}  // namespace detail

namespace this_server {

void stop(exit_reason reason) {
  detail::server_core& core = detail::current_server();
  if (!core.requested.stop) core.requested.stop = std::move(reason);
  // The request may come from a coroutine that the server has started beside its handlers, while
  // the server itself waits for a message.
  if (core.receiver != nullptr) core.receiver->wake();
}

void idle_after(std::chrono::steady_clock::duration time) {
  detail::current_server().requested.idle = time;
}

std::size_t queue_length() { return detail::current_server().size(); }

std::size_t calls_pending() { return detail::current_server().calls_due(); }

std::optional<std::chrono::steady_clock::time_point> caller_deadline() {
  detail::reply_slot* const call = detail::current_server().call_in_hand();
  return call != nullptr ? detail::deadline_of(*call) : std::nullopt;
}

time_limit time_left() { return detail::current_server().time_left(); }

bool caller_waits() {
  detail::reply_slot* const call = detail::current_server().call_in_hand();
  return call != nullptr && detail::is_awaited(*call);
}

std::uint64_t monitor(const pid& process) { return detail::current_server().monitor(process); }

}  // namespace this_server

}  // namespace coppice
