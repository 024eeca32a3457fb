#pragma once

#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/server/envelope.hpp>
#include <coppice/detail/server/handler.hpp>
#include <coppice/detail/server/server_body.hpp>
#include <coppice/detail/server/server_core.hpp>
#include <coppice/detail/server/state_keeper.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/pending_call.hpp>
#include <coppice/pid.hpp>
#include <coppice/process.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/reply_to.hpp>
#include <coppice/server_call.hpp>
#include <coppice/server_options.hpp>
#include <coppice/supervisor.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <any>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coppice {

/// What a server may ask for: in its handlers and hooks, from its constructor on.
///
/// @throws std::logic_error if no server is at work.
namespace this_server {

/// Ends the server when this handler has returned: with that reason, after `terminate`. An answer
/// that the handler returns is sent after that.
COPPICE_API void stop(exit_reason reason = exit_reason::normal());

/// Has `handle(idle_timeout)` called if no message comes within that time after this handler. Any
/// message ends the wait, and it is not begun again by itself.
COPPICE_API void idle_after(std::chrono::steady_clock::duration time);

/// How many messages wait.
[[nodiscard]] COPPICE_API std::size_t queue_length();

/// Whose answers are still due, of the calls that were made so far.
[[nodiscard]] COPPICE_API std::size_t calls_pending();

}  // namespace this_server

namespace detail {

// The server at work; of that class, unless null.
COPPICE_API server_core& current_server(const void* type = nullptr);
COPPICE_API state_keeper& current_keeper(const void* type);
COPPICE_API operation<void(boost::system::error_code), stop_wait> stop_process(
    scheduler& home, const pid& process, exit_reason reason, std::optional<duration> limit);

// Handled as soon as the server is up.
struct started_query {
  using reply = void;
  template <class S>
  void handle_on(S&) const noexcept {}
  friend std::string describe(const started_query&) { return "started?"; }
};

}  // namespace detail

/// A server, by pid, by name, or however a `process_ref` finds it.
///
/// @tparam S The server's class.
/// @par Thread safety
/// `cast` and `call`: safe, on any thread; one made with a function that finds the process
/// excepted.
template <class S>
class server_ref {
 public:
  using time_limit = std::optional<std::chrono::steady_clock::duration>;

  server_ref(process_ref to) : to_{std::move(to)} {}
  server_ref(pid process) : to_{process} {}
  /// A name on the io_context of the calling process.
  server_ref(std::string_view name) : to_{name} {}
  server_ref(const char* name) : to_{name} {}
  server_ref(boost::asio::io_context& io, std::string_view name) : to_{io, name} {}

  /// `auto reply = co_await ref.call(message);` sends it and waits for the answer.
  ///
  /// Fails with `errc::noproc` (there is no such process), `errc::wrong_type` (it is no server of class
  /// S), `errc::died` (it ended before it answered; `failure()` of the call tells how), `errc::timeout`, `errc::would_deadlock` (it
  /// called itself), `errc::no_reply` (whoever was to answer threw the chance away), or
  /// `errc::overloaded`.
  ///
  /// @param message Of a type that has a member type `reply`, the type of the answer. With g++ 12
  ///   an aggregate with a string in it, say, is not written in the awaited expression: the call is
  ///   a `function_call` then.
  /// @param limit For how long to wait; nothing: without limit. The server does not hear of it, and
  ///   what it answers later is thrown away.
  /// If the function that finds the server throws, the call fails with `errc::noproc`, and `failure()`
  /// tells the exception.
  ///
  /// @throws std::logic_error at once, if the reference is empty, or the io_context of the server is
  ///   gone. One that goes while the call is there fails it with `errc::died`.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`; what the server answers is thrown away.
  /// @par Thread safety
  /// Safe, for processes of other io_contexts as well. The limit runs where the caller waits, which is
  /// the executor of the completion handler, and the answer comes through that; a handler without an
  /// executor of its own waits on the loop of the server.
  /// @par Origin
  /// `gen_server:call/3`.
  template <class Message>
  [[nodiscard]] auto call(Message&& message, time_limit limit = default_limit) const {
    using type = std::remove_cvref_t<Message>;
    if constexpr (detail::check_call<S, type>()) {
      return detail::awaited_as<detail::written_in_place<Message>>(
          make_call(type(std::forward<Message>(message)), limit));
    }
  }

  /// `auto reply = co_await ref.call<message>(members...);` makes the message of these, sends it
  /// and waits for the answer, for 5 s or as `within` of the call says.
  ///
  /// The message is made inside, so that no temporary message stands in the awaited expression.
  ///
  /// @tparam M An aggregate, or a class with a constructor for the arguments.
  template <class M, class... Args>
  requires detail::made_of<M, Args...>
  [[nodiscard]] auto call(Args&&... members) const {
    if constexpr (detail::check_call<S, M>() && detail::check_made<M, Args...>()) {
      return detail::awaited_as<(detail::written_in_place<Args> || ...)>(
          make_call(M(std::forward<Args>(members)...), default_limit));
    }
  }

  /// `auto request = ref.send_request(message);` sends a call now, whose answer is fetched later.
  ///
  /// What goes wrong is told there.
  ///
  /// @throws std::logic_error if the reference is empty, or the server is of another io_context.
  /// @par Thread safety
  /// Only on the loop's thread.
  /// @par Origin
  /// `gen_server:send_request/2`.
  template <class Message>
  auto send_request(Message&& message) const {
    using type = std::remove_cvref_t<Message>;
    if constexpr (detail::check_call<S, type>()) {
      detail::scheduler& s = home();
      detail::check_reach(s, "send_request");
      const detail::call_ptr<typename type::reply> made{new detail::call_envelope<S, type>{
          s, type(std::forward<Message>(message)), {.target = to_}}};
      made->send();
      return pending_call<typename type::reply>{made};
    }
  }

  /// The same of a message that is made of these.
  template <class M, class... Args>
  requires detail::made_of<M, Args...>
  auto send_request(Args&&... members) const {
    if constexpr (detail::check_made<M, Args...>()) {
      return send_request(M(std::forward<Args>(members)...));
    }
  }

  /// `auto starting = ref.ready(1s); co_await std::move(starting);` waits until the server is up.
  ///
  /// Fails with `errc::died` if it does not come up (`failure()` tells why), with `errc::noproc` if
  /// it is gone already; and with `errc::timeout` if it takes longer than the limit: it is killed
  /// then.
  ///
  /// @par Origin
  /// The `timeout` of `gen_server:start/3`.
  [[nodiscard]] server_call<detail::started_query::reply> ready(
      std::optional<std::chrono::steady_clock::duration> limit = std::nullopt) const {
    return make_call(detail::started_query{},
                     detail::call_terms{.target = to_, .limit = limit, .or_kill = true});
  }

  /// Sends a message and does not wait. To a server that is gone it is a silent no-op, told by the
  /// result. From another thread, or while the loop does not run, the message is posted, and the
  /// result is always `delivered`.
  ///
  /// @par Complexity
  /// Constant; one pooled node.
  /// @par Origin
  /// `gen_server:cast/2`.
  template <class Message>
  send_result cast(Message&& message) const {
    using type = std::remove_cvref_t<Message>;
    static_assert(!call_message<type>, "a message with a member type `reply` is called, not cast");
    if constexpr (!call_message<type> && detail::check_handler<S, type>()) {
      return send(
          envelope_ptr{new detail::cast_envelope<S, type>{type(std::forward<Message>(message))}});
    }
    return send_result::delivered;
  }

  /// The same of a message that is made of these: `ref.cast<message>(members...);`
  template <class M, class... Args>
  requires detail::made_of<M, Args...>
  send_result cast(Args&&... members) const {
    if constexpr (detail::check_made<M, Args...>()) {
      return cast(M(std::forward<Args>(members)...));
    } else {
      return send_result::delivered;
    }
  }

  /// Asks the server to stop and waits until it is gone. What came before is handled first; then
  /// `terminate` runs.
  ///
  /// Fails with `errc::noproc`, `errc::would_deadlock`, `errc::timeout` (it goes on stopping), or
  /// `errc::unexpected_exit` if it ended with another reason.
  ///
  /// @par Origin
  /// `gen_server:stop/3`.
  [[nodiscard]] auto stop(
      exit_reason reason = exit_reason::normal(),
      std::optional<std::chrono::steady_clock::duration> limit = std::nullopt) const {
    detail::scheduler& s = home();
    detail::check_reach(s, "stop");
    return detail::stop_process(s, to_.whereis(), std::move(reason), limit);
  }

  /// The living process, or an empty pid.
  [[nodiscard]] pid whereis() const { return to_.whereis(); }

  /// For coppice's own use.
  template <class M>
  [[nodiscard]] server_call<typename M::reply> make_call(M message, time_limit limit) const {
    return make_call(std::move(message), detail::call_terms{.target = to_, .limit = limit});
  }

 private:
  static constexpr std::chrono::seconds default_limit{5};

  template <class M>
  server_call<typename M::reply> make_call(M message, detail::call_terms terms) const {
    return server_call<typename M::reply>{detail::call_ptr<typename M::reply>{
        new detail::call_envelope<S, M>{home(), std::move(message), std::move(terms)}}};
  }

  [[nodiscard]] detail::scheduler& home() const {
    if (to_.serial() == 0) throw std::logic_error{"coppice: a reference to no server"};
    detail::scheduler* const s = to_.home();
    if (s == nullptr) throw std::logic_error{"coppice: the io_context of the server is gone"};
    return *s;
  }

  using envelope_ptr = std::unique_ptr<detail::envelope, detail::envelope::disposer>;

  send_result send(envelope_ptr e) const {
    if (detail::scheduler::is_at_work(to_.serial())) return put(to_, std::move(e));
    if (to_.serial() == 0) throw std::logic_error{"coppice: a reference to no server"};
    detail::scheduler* const s = to_.home();
    if (s == nullptr) return send_result::closed;
    if (s->on_loop_thread()) return put(to_, std::move(e));
    s->post([to = to_, e = std::move(e)]() mutable {
      try {
        put(to, std::move(e));
      } catch (...) {
        // The function that is to find the server has thrown: there is none, and nobody to tell.
      }
    });
    return send_result::delivered;
  }

  static send_result put(const process_ref& to, envelope_ptr e) {
    detail::server_core* const core = detail::server_core::of(to.get(), &detail::server_tag<S>);
    return core != nullptr ? core->push(*e.release()) : send_result::closed;
  }

  process_ref to_;
};

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
  spec.start = start_function{
      detail::make_server<S>(std::move(name), server_options{}, std::forward<Args>(args)...)};
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
  spec.start =
      start_function{detail::make_server<S>(std::move(name), std::move(options), std::forward<Args>(args)...)};
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

namespace this_server {

/// Handles that message next, before any that waits, as a step of its own: those who wait for the
/// server to come up, or for an answer, are told first.
///
/// The step asked for last is the first.
///
/// @throws std::logic_error if `self` is not of the class of the server at work, but a base or a
/// part of it.
/// @par Origin
/// `{continue, Term}`.
template <class S, class M>
void continue_with(S& self, M message) {
  static_assert(!call_message<M>, "a message to oneself is cast");
  using server_type = std::remove_const_t<S>;  // of handlers that are const
  static_assert(detail::check_handler<server_type, M>());
  static_cast<void>(self);
  detail::server_core& core = detail::current_server(&detail::server_tag<server_type>);
  core.push_front(*new detail::cast_envelope<server_type, M>{std::move(message)});
}

/// Has `handle(down)` called when that process ends, or soon, as noproc, if it has.
///
/// @return The id found in the message.
COPPICE_API std::uint64_t monitor(const pid& process);

/// `auto saving = this_server::save(*this); co_await std::move(saving);` sends the state to the stash
/// now, and completes when it is kept there: with a stash on disk, when a loss of power cannot take
/// it back.
///
/// @throws std::logic_error if the server has no stash, or is of another class.
template <class S>
[[nodiscard]] auto save(const S& self) {
  static_assert(detail::keeps_state<S>, "save() needs state() and restore()");
  detail::state_keeper& keeper = detail::current_keeper(&detail::server_tag<S>);
  detail::state_of<S> now = self.state();
  const bool same = detail::is_as_given<S>(keeper, now);
  return keeper.save(std::any{std::move(now)}, same);
}

}  // namespace this_server

}  // namespace coppice
