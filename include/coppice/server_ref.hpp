#pragma once

#include <coppice/call_limit.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/in_place.hpp>
#include <coppice/detail/call/awaited_as.hpp>
#include <coppice/detail/call/call_slot.hpp>
#include <coppice/detail/call/call_stage.hpp>
#include <coppice/detail/process/stop_wait.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/server/envelope.hpp>
#include <coppice/detail/server/handler.hpp>
#include <coppice/detail/server/server_core.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/mailbox_options.hpp>
#include <coppice/operation.hpp>
#include <coppice/pending_call.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/server_call.hpp>
#include <coppice/time_limit.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coppice {

/// A server, by pid, by name, or however a `process_ref` finds it.
///
/// @tparam S The server's class.
/// @par Thread safety
/// `cast` and `call`: safe, on any thread, also while the io_context of the server goes; one made
/// with a function that finds the process excepted.
template <class S>
class server_ref {
 public:
  /// A server of that pid, or however a `process_ref` finds it.
  server_ref(process_ref to) : to_{std::move(to)} {}
  server_ref(pid process) : to_{process} {}
  /// A name on the io_context of the calling process.
  server_ref(std::string_view name) : to_{name} {}
  server_ref(const char* name) : to_{name} {}
  server_ref(const std::string& name) : to_{name} {}
  server_ref(boost::asio::io_context& io, std::string_view name) : to_{io, name} {}

  /// `auto reply = co_await ref.call(message);` sends it and waits for the answer.
  ///
  /// Fails with `errc::noproc` (there is no such process), `errc::wrong_type` (it is no server of
  /// class S), `errc::died` (it ended before it answered; `failure()` of the call tells how),
  /// `errc::timeout`, `errc::would_deadlock` (it called itself, or one that waits for it),
  /// `errc::no_reply` (whoever was to answer threw the chance away), or `errc::overloaded`.
  ///
  /// @param message Of a type that has a member type `reply`, the type of the answer. With g++ 12
  ///   an aggregate with a string in it, say, is not written in the awaited expression: the call is
  ///   a `function_call` then.
  /// @param limit For how long to wait; `infinity`: without limit. `inherited`: in a handler, as
  ///   long as the caller of the message that is being handled. The server is not told when the
  ///   time is over, but may ask (`this_server::caller_waits`); what it answers later is thrown
  ///   away.
  /// If the function that finds the server throws, the call fails with `errc::noproc`, and
  /// `failure()` tells the exception.
  ///
  /// @throws std::logic_error at once, if the reference is empty.
  /// @throws boost::system::system_error at once, with `errc::noproc`, if the io_context of the
  ///   server is gone. One that goes while the call is there fails it with `errc::died`.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`; what the server answers is thrown away.
  /// @par Thread safety
  /// Safe, for processes of other io_contexts as well. The limit runs where the caller waits, which
  /// is the executor of the completion handler, and the answer comes through that; a handler
  /// without an executor of its own waits on the loop of the server.
  /// @par Origin
  /// `gen_server:call/3`.
  /// @par Completion Signature
  /// `void(error_code, Message::reply)`, or `void(error_code)`
  template <class Message>
  [[nodiscard]] operation<detail::reply_signature<Message>> auto call(
      Message&& message, call_limit limit = default_limit) const {
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
  /// @par Completion Signature
  /// `void(error_code, M::reply)`, or `void(error_code)`
  template <class M, class... Args>
  requires detail::made_of<M, Args...>
  [[nodiscard]] operation<detail::reply_signature<M>> auto call(Args&&... members) const {
    if constexpr (detail::check_call<S, M>() && detail::check_made<M, Args...>()) {
      return detail::awaited_as<(detail::written_in_place<Args> || ...)>(
          make_call(M(std::forward<Args>(members)...), default_limit));
    }
  }

  /// `auto request = ref.send_request(message);` sends a call now, whose answer is fetched later.
  ///
  /// Errors are told there.
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
          s, type(std::forward<Message>(message)),
          {.target = to_, .stage = detail::call_stage::requested}}};
      made->send(detail::delivery::queued);
      return detail::access::make<pending_call<typename type::reply>>(made);
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
  /// @par Completion Signature
  /// `void(error_code)`
  [[nodiscard]] server_call<void> ready(time_limit limit = infinity) const {
    return make_call(detail::started_query{},
                     detail::call_terms{.target = to_, .limit = limit, .or_kill = true});
  }

  /// Sends a message and does not wait. To a server that is gone it is a silent no-op, told by the
  /// result. From another thread, or while the loop does not run, the message is posted, and the
  /// result is `delivered`, or `closed` if the io_context is gone.
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
  /// @par Completion Signature
  /// `void(error_code)`
  [[nodiscard]] operation<void(boost::system::error_code)> auto stop(
      exit_reason reason = exit_reason::normal(), time_limit limit = infinity) const {
    detail::scheduler& s = home();
    detail::check_reach(s, "stop");
    return detail::deferred_wait<detail::stop_wait>{
        {.process = to_.whereis(), .reason = std::move(reason), .limit = limit, .at = &s}};
  }

  /// The living process, or an empty pid.
  [[nodiscard]] pid whereis() const { return to_.whereis(); }

 private:
  friend struct detail::access;

  static constexpr std::chrono::seconds default_limit{5};

  template <class M>
  [[nodiscard]] server_call<typename M::reply> make_call(M message, call_limit limit) const {
    return make_call(std::move(message),
                     detail::call_terms{.target = to_,
                                        .limit = detail::access::own(limit),
                                        .stage = detail::access::stage(limit)});
  }
  template <class M>
  server_call<typename M::reply> make_call(M message, detail::call_terms terms) const {
    return detail::access::make<server_call<typename M::reply>>(
        detail::call_ptr<typename M::reply>{
            new detail::call_envelope<S, M>{home(), std::move(message), std::move(terms)}});
  }

  [[nodiscard]] detail::scheduler& home() const {
    if (detail::access::serial(to_) == 0) {
      throw std::logic_error{"coppice: a reference to no server"};
    }
    detail::scheduler* const s = detail::access::home(to_);
    if (s == nullptr) {
      throw boost::system::system_error{errc::noproc,
                                        "coppice: the io_context of the server is gone"};
    }
    return *s;
  }

  using envelope_ptr = std::unique_ptr<detail::envelope, detail::envelope::disposer>;

  send_result send(envelope_ptr e) const {
    const std::uint64_t loop = detail::access::serial(to_);
    if (detail::scheduler::runs_here(loop)) return put(to_, std::move(e));
    if (loop == 0) throw std::logic_error{"coppice: a reference to no server"};
    const bool posted = detail::scheduler::post(loop, [to = to_, e = std::move(e)]() mutable {
      try {
        put(to, std::move(e));
      } catch (...) {
        // The function that is to find the server has thrown: there is none, and nobody to tell.
      }
    });
    return posted ? send_result::delivered : send_result::closed;
  }

  static send_result put(const process_ref& to, envelope_ptr e) {
    detail::process* const p = detail::access::slot(to);
    detail::server_core* const core = detail::server_core::of(p, &detail::server_tag<S>);
    return core != nullptr ? core->push(*e.release()) : send_result::closed;
  }

  process_ref to_;
};

}  // namespace coppice
