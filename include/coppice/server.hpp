#pragma once

#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/server/server_body.hpp>
#include <coppice/detail/server/state_keeper.hpp>
#include <coppice/detail/supervisor/refused_child.hpp>
#include <coppice/process.hpp>
#include <coppice/server_options.hpp>
#include <coppice/server_ref.hpp>
#include <coppice/this_server.hpp>

#include <boost/asio/io_context.hpp>

#include <string>
#include <utility>

namespace coppice {

/// A server as a child of a supervisor: a class whose objects live in a process of their own and
/// handle messages one at a time.
///
/// The class is a plain one. What it may have:
///
/// - `R handle(M)` for each message type `M`. `M::reply` is R; or `M` has no such member, and is
///   cast. A message is handed over as it stands; a `handle(M&&)` may take it apart.
/// - `void handle(M, reply_to<R>)` to answer later, or elsewhere.
/// - Either as a coroutine: `task<R> handle(M)` or `asio::awaitable<R> handle(M)`. The next message
///   waits until it is done. (A member type `executor_type` says with which executor type an
///   awaitable is made, if not the default one.)
/// - `void init()`, plain or a coroutine: the server is up when it has returned. An exception out
///   of it, or out of the constructor, is a failed start.
/// - `void terminate(const exit_reason&)`, plain or a coroutine: called on every way out but kill.
/// - `void undelivered(M)`, for any of its message types: called when the server ends, for each
///   such message that it has not handled. See below.
/// - `T state() const` and `void restore(T)`: the state outlives the object. See `state_place`, and
///   the guide "State across restarts".
/// - `handle(exit_signal)`, for the ends of linked processes; without it, an abnormal one ends the
///   server. `handle(down)` for monitors. `handle(idle_timeout)`.
///
/// All of them are public. A member that is called `init`, `terminate`, `undelivered`, `state` or
/// `restore` and is not as said here does not compile, since nobody would call it; a type, or a
/// variable that is public, may have such a name.
///
/// A handler that throws ends the server with that exception, and one that awaits `coppice::exit`
/// with that reason.
///
/// A server that ends, for whatever reason, gets back what is left in its queue, where no handler
/// has begun with it: `undelivered` is called in the order of arrival, after `terminate` (after a
/// crash too, with the object as the crash has left it), and before the state is taken. Nothing is
/// accepted from then on. Messages without an overload are dropped; steps of `continue_with`, exit
/// signals and `down` are messages like others. Whoever has called hears how the server has ended,
/// as always: the hook has no `reply_to`. It takes its message by value, by const& or by &&, and is
/// no coroutine. If it throws, the others are called all the same, and the server ends with the
/// first such exception, as with that of a `terminate`.
///
/// A kill calls no `terminate`, but these: while the frames are destroyed, before the object is.
/// What one throws then is reported, and changes nothing else. They are not called if there is no
/// object to call (the server has not come up, or `init` has failed); if the object is in use (the
/// server is abandoned, as a handler waits for what cannot be cancelled); nor when the io_context
/// is destroyed.
///
/// What came back can be part of the state, which the next incarnation is given:
///
///     void undelivered(job m) { left_.push_back(std::move(m)); }
///     jobs state() const { return left_; }
///     void restore(jobs left) {
///       for (job& m : left | std::views::reverse) this_server::continue_with(*this, m);
///     }
///
/// or be sent, as to any server, also to whoever has the name next. That takes a process, since the
/// server has it until it is gone:
///
///     ~jobs() {
///       if (!left_.empty()) coppice::spawn([left = std::move(left_)]() -> coppice::task<> {
///         const coppice::server_ref<jobs> next{"jobs"};
///         for (int i = 0; i < 100 && !next.whereis(); ++i) co_await coppice::sleep_for(10ms);
///         for (const job& m : left) next.cast(m);
///       });
///     }
///
/// @tparam S The class.
/// @param name Id of the child, and the name under which the server is registered.
/// @param args Constructor arguments; copied for each start.
/// @par Origin
/// `gen_server`. It traps exits: a supervisor's shutdown is handled in order with the messages, and
/// `terminate` runs.
template <class S, class... Args>
[[nodiscard]] child_spec server(std::string name, Args&&... args) {
  child_spec spec{.id = name};
  spec.start = detail::access::make<start_function>(
      detail::make_server<S>(std::move(name), server_options{}, std::forward<Args>(args)...));
  return spec;
}

/// The same with options: a bounded queue, a stash for its state. If they break a rule, whatever is
/// given the spec refuses it, naming the server and the rule.
template <class S, class... Args>
[[nodiscard]] child_spec server_with(server_options options, std::string name, Args&&... args) {
  if (const auto why = detail::fault_in_server(name, options, detail::type_of_state<S>())) {
    return detail::refused_child(std::move(name), *why);
  }
  child_spec spec{.id = name};
  spec.start = detail::access::make<start_function>(
      detail::make_server<S>(std::move(name), std::move(options), std::forward<Args>(args)...));
  return spec;
}

/// Starts a server that nobody supervises. Messages to it wait until it is up; if it does not come
/// up, calls fail with `errc::died` and the reason.
///
/// @param name Under which it is registered; may be empty.
template <class S, class... Args>
server_ref<S> start_server(boost::asio::io_context& io, std::string name, Args&&... args) {
  const std::string label = name;
  return server_ref<S>{detail::spawn_body(
      detail::scheduler::of(io, "start_server"),
      detail::make_server<S>(std::move(name), server_options{}, std::forward<Args>(args)...),
      label)};
}

/// Starts a server linked to the calling process, which is its parent: it stops when that ends.
///
/// @throws std::logic_error outside of processes.
template <class S, class... Args>
server_ref<S> start_server_link(std::string name, Args&&... args) {
  const std::string label = name;
  return server_ref<S>{detail::spawn_linked(
      detail::make_server<S>(std::move(name), server_options{}, std::forward<Args>(args)...),
      label)};
}

}  // namespace coppice
