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
/// - `T state() const` and `void restore(T)`: the state outlives the object. See `state_place`, and
///   the guide "State across restarts".
/// - `handle(exit_signal)`, for the ends of linked processes; without it, an abnormal one ends the
///   server. `handle(down)` for monitors. `handle(idle_timeout)`.
///
/// All of them are public. A member that is called `init`, `terminate`, `state` or `restore` and is
/// not as said here does not compile, since nobody would call it; a type, or a variable that is
/// public, may have such a name.
///
/// A handler that throws ends the server with that exception.
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
