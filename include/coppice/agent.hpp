#pragma once

#include <coppice/call_limit.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/server/agent_server.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/operation.hpp>
#include <coppice/server.hpp>
#include <coppice/server_call.hpp>
#include <coppice/time_limit.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <concepts>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace coppice {

/// An agent: a state in a process of its own, and functions that are run on it there, one at a
/// time.
///
/// @par Thread safety
/// As of `server_ref`; the functions run on the loop's thread.
/// @par Origin
/// Elixir's Agent. Differs: the state is changed in place; a function that throws ends the agent,
/// as it does there.
template <class T>
class agent_ref {
 public:
  /// The agent of that pid or name, or however a `process_ref` finds it.
  agent_ref(process_ref to) : server_{std::move(to)} {}
  agent_ref(pid process) : server_{process} {}
  agent_ref(std::string_view name) : server_{name} {}
  agent_ref(const char* name) : server_{name} {}
  agent_ref(const std::string& name) : server_{name} {}
  agent_ref(boost::asio::io_context& io, std::string_view name) : server_{io, name} {}

  /// `auto asking = agent.get(f); R r = co_await asking.result();` where `R f(const T&)`.
  /// @par Completion Signature
  /// `void(error_code, R)`, or `void(error_code)`
  template <class F>
  [[nodiscard]] operation<detail::agent_reply<F, const T&>> auto get(
      F f, call_limit limit = std::chrono::seconds{5}) const {
    static_assert(std::invocable<F, const T&>,
                  "get() needs a function that takes the state: f(const T&)");
    using result = std::decay_t<std::invoke_result_t<F, const T&>>;
    auto look = [f = std::move(f)](T& state) mutable -> result {
      return std::invoke(std::move(f), std::as_const(state));
    };
    return request<result>(std::move(look), limit);
  }

  /// Changes the state in place, `void f(T&)`, or returns the next one, `T f(T)`; waits until it is
  /// done.
  /// @par Completion Signature
  /// `void(error_code)`
  template <class F>
  [[nodiscard]] operation<void(boost::system::error_code)> auto update(
      F f, call_limit limit = std::chrono::seconds{5}) const {
    return request<void>(changing(std::move(f)), limit);
  }

  /// Changes the state and returns something: `R f(T&)`.
  /// @par Completion Signature
  /// `void(error_code, R)`, or `void(error_code)`
  template <class F>
  [[nodiscard]] operation<detail::agent_reply<F, T&>> auto get_and_update(
      F f, call_limit limit = std::chrono::seconds{5}) const {
    static_assert(std::invocable<F, T&>,
                  "get_and_update() needs a function that takes the state: f(T&)");
    using result = std::decay_t<std::invoke_result_t<F, T&>>;
    return request<result>(std::move(f), limit);
  }

  /// As `update`, without waiting.
  template <class F>
  send_result cast(F f) const {
    auto change = changing(std::move(f));
    return server_.cast(detail::agent_cast<decltype(change)>{std::move(change)});
  }

  /// As `server_ref::stop`.
  /// @par Completion Signature
  /// `void(error_code)`
  [[nodiscard]] operation<void(boost::system::error_code)> auto stop(
      exit_reason reason = exit_reason::normal(), time_limit limit = infinity) const {
    return server_.stop(std::move(reason), limit);
  }

  /// The living process, or an empty pid.
  [[nodiscard]] pid whereis() const { return server_.whereis(); }

 private:
  template <class F>
  static auto changing(F f) {
    if constexpr (std::invocable<F, T&> && std::is_void_v<std::invoke_result_t<F, T&>>) {
      return f;
    } else {
      static_assert(std::invocable<F, T> && std::convertible_to<std::invoke_result_t<F, T>, T>,
                    "a function that changes the state is void f(T&) or T f(T)");
      return [f = std::move(f)](T& state) mutable {
        state = std::invoke(std::move(f), std::move(state));
      };
    }
  }

  template <class R, class F>
  auto request(F f, call_limit limit) const {
    return function_call{
        detail::access::make_call(server_, detail::agent_call<F, R>{std::move(f)}, limit)};
  }

  server_ref<detail::agent_server<T>> server_;
};

/// An agent as a child of a supervisor. Its state is made by the function, in its process, at each
/// start.
template <class T, class F>
requires std::convertible_to<std::invoke_result_t<F&>, T>
[[nodiscard]] child_spec agent(std::string name, F make) {
  return server<detail::agent_server<T>>(std::move(name), std::function<T()>{std::move(make)});
}

/// Starts an agent that nobody supervises.
template <class T, class F>
agent_ref<T> start_agent(boost::asio::io_context& io, std::string name, F make) {
  return agent_ref<T>{start_server<detail::agent_server<T>>(io, std::move(name),
                                                            std::function<T()>{std::move(make)})
                          .whereis()};
}

/// Starts an agent linked to the calling process.
///
/// @throws std::logic_error outside of processes.
template <class T, class F>
agent_ref<T> start_agent_link(std::string name, F make) {
  return agent_ref<T>{start_server_link<detail::agent_server<T>>(
                          std::move(name), std::function<T()>{std::move(make)})
                          .whereis()};
}

}  // namespace coppice
