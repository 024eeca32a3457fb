#pragma once

#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/in_place.hpp>
#include <coppice/detail/call/awaited_as.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/server/stash_server.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/operation.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/server_options.hpp>
#include <coppice/server_ref.hpp>
#include <coppice/time_limit.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace coppice {

/// A stash as a child of a supervisor: a process that keeps the states of servers while these are
/// dead, in memory, each under the name of its server. Put it before those servers, under
/// rest_for_one.
///
/// @param name Id of the child, and the name by which servers find it.
/// @par Origin
/// The stash server of "Programming Elixir".
[[nodiscard]] COPPICE_API child_spec stash(std::string name);

/// Says that the state of a server is kept in the stash of that name: `server_options::state`.
///
/// The server asks the stash for its state when it starts, and gives it when it ends, for whatever
/// reason. Without the stash it does not start.
[[nodiscard]] COPPICE_API state_place in_stash(std::string name);

/// A stash, by the name it has or however a `process_ref` finds it, for states of a type.
///
/// @tparam T Copyable.
/// @tparam Codec Turns a state into what the stash keeps, and back. The default keeps it as it is,
///   which fits a `stash`; a stash of another kind has a reference type that chooses its own.
/// @par Thread safety
/// Only on the loop's thread.
template <class T, class Codec = detail::kept_as_it_is<T>>
class stash_ref {
 public:
  /// The stash of that pid or name, or however a `process_ref` finds it.
  stash_ref(process_ref to) : server_{std::move(to)} {}
  stash_ref(pid process) : server_{process} {}
  stash_ref(std::string_view name) : server_{name} {}
  stash_ref(const char* name) : server_{name} {}
  stash_ref(const std::string& name) : server_{name} {}
  stash_ref(boost::asio::io_context& io, std::string_view name) : server_{io, name} {}

  /// `co_await stash.put(key, state);` keeps it, in place of what was kept there before. Fails as a
  /// call does. With g++ 12 a state that is an aggregate with a string in it, say, is not written
  /// in the awaited expression: what this returns is a `function_call` then.
  /// @par Completion Signature
  /// `void(error_code)`
  template <std::convertible_to<T> State = T>
  [[nodiscard]] operation<void(boost::system::error_code)> auto put(std::string key,
                                                                    State&& state) const {
    T kept(std::forward<State>(state));
    return detail::awaited_as<detail::written_in_place<State>>(detail::access::make_call(
        server_, detail::stash_server::put{std::move(key), {Codec::encode(std::move(kept)), 0}},
        infinity));
  }

  /// `std::optional<T> found = co_await stash.get(key);` Asks at once. Fails as a call does, and
  /// with `errc::unreadable` if something else is kept there.
  /// @par Completion Signature
  /// `void(error_code, std::optional<T>)`
  [[nodiscard]] operation<void(boost::system::error_code, std::optional<T>)> auto get(
      std::string key) const {
    auto request = server_.send_request(detail::stash_server::get{std::move(key)});
    return detail::deferred_wait<detail::typed_get_wait<T, Codec>>{
        {{detail::access::release(std::move(request)), infinity}}};
  }

  /// `bool was = co_await stash.erase(key);`
  /// @par Completion Signature
  /// `void(error_code, bool)`
  [[nodiscard]] operation<void(boost::system::error_code, bool)> auto erase(std::string key) const {
    return detail::access::make_call(server_, detail::stash_server::erase{std::move(key)},
                                     infinity);
  }

  /// `std::vector<std::string> all = co_await stash.keys();`
  /// @par Completion Signature
  /// `void(error_code, std::vector<std::string>)`
  [[nodiscard]] operation<void(boost::system::error_code, std::vector<std::string>)> auto keys()
      const {
    return server_.call(detail::stash_server::keys{}, infinity);
  }

 private:
  server_ref<detail::stash_server> server_;
};

}  // namespace coppice
