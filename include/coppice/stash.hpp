#pragma once

#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/server/state_keeper.hpp>
#include <coppice/error.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/reply_to.hpp>
#include <coppice/server.hpp>
#include <coppice/server_options.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <any>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice {

namespace detail {

// Where a stash puts what it is given. May answer later, and from other threads.
class COPPICE_API stash_store {
 public:
  stash_store() = default;
  stash_store(const stash_store&) = delete;
  stash_store& operator=(const stash_store&) = delete;
  virtual ~stash_store();

  // The first thing that is asked. Answers with what is in the way, in words, or with nothing.
  // `broken` is told in words, at any time later, why the store is of no use any more.
  virtual void open(std::function<void(std::string)> broken, reply_to<std::string> problem);
  virtual void put(std::string key, kept_state state, reply_to<void> done) = 0;
  // Without value if there is nothing under that key.
  virtual void get(std::string key, reply_to<kept_state> found) = 0;
  // Tells whether there was something.
  virtual void erase(std::string key, reply_to<bool> done) = 0;
  virtual void keys(reply_to<std::vector<std::string>> found) = 0;
  // Answers when everything before it is done.
  virtual void finish(reply_to<void> done) = 0;
};

class COPPICE_API stash_server {
 public:
  struct put {
    using reply = void;
    std::string key;
    kept_state state;
  };
  struct get {
    using reply = kept_state;
    std::string key;
  };
  struct erase {
    using reply = bool;
    std::string key;
  };
  struct keys {
    using reply = std::vector<std::string>;
  };
  struct broken {
    std::string why;
  };
  using opener = std::function<std::unique_ptr<stash_store>()>;

  explicit stash_server(const opener& open) : store_{open()} {}

  asio::awaitable<void> init();
  void handle(put&& m, reply_to<void> done);
  void handle(get&& m, reply_to<kept_state> found);
  void handle(erase&& m, reply_to<bool> done);
  void handle(const keys&, reply_to<std::vector<std::string>> found);
  [[noreturn]] void handle(const broken& m);
  asio::awaitable<void> terminate(const exit_reason&);

  friend std::string describe(const stash_server&) { return "stash"; }
  friend std::string describe(const put& m) { return "put " + m.key; }
  friend std::string describe(const get& m) { return "get " + m.key; }
  friend std::string describe(const erase& m) { return "erase " + m.key; }
  friend std::string describe(const broken&) { return "the store is broken"; }

 private:
  std::unique_ptr<stash_store> store_;
};

// A stash as a child of a supervisor.
COPPICE_API child_spec stash_of(std::string name, stash_server::opener open);

// How a stash in memory keeps a T.
template <class T>
struct kept_as_it_is {
  static std::any encode(T x) { return std::any{std::move(x)}; }
  static T decode(const std::any& kept) { return std::any_cast<T>(kept); }
};

using get_wait = response_wait<kept_state>;

// Hands out what is kept as a T.
template <class T, class Codec>
struct typed_get_wait : get_wait {
  template <class Handler>
  void deliver(Handler&& h) {
    std::optional<T> found;
    boost::system::error_code why;
    if (!slot->done()) {
      why = errc::timeout;
    } else if (!slot->value) {
      why = slot->error;
    } else if (slot->value->has_value()) {
      try {
        found = Codec::decode(slot->value->state);
      } catch (...) {
        why = errc::unreadable;
      }
    }
    std::forward<Handler>(h)(why, std::move(found));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted},
                             std::optional<T>{});
  }
};

}  // namespace detail

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
/// @tparam Codec For coppice's own use: how that stash keeps it.
/// @par Thread safety
/// Only on the loop's thread.
template <class T, class Codec = detail::kept_as_it_is<T>>
class stash_ref {
 public:
  stash_ref(process_ref to) : server_{std::move(to)} {}
  stash_ref(pid process) : server_{process} {}
  stash_ref(std::string_view name) : server_{name} {}
  stash_ref(const char* name) : server_{name} {}
  stash_ref(boost::asio::io_context& io, std::string_view name) : server_{io, name} {}

  /// `co_await stash.put(key, state);` keeps it, in place of what was kept there before. Fails as a
  /// call does. With g++ 12 a state that is an aggregate with a string in it, say, is not written
  /// in the awaited expression: what this returns is a `function_call` then.
  template <std::convertible_to<T> State = T>
  [[nodiscard]] auto put(std::string key, State&& state) const {
    T kept(std::forward<State>(state));
    return detail::awaited_as<detail::written_in_place<State>>(server_.make_call(
        detail::stash_server::put{std::move(key), {Codec::encode(std::move(kept)), 0}},
        std::nullopt));
  }

  /// `std::optional<T> found = co_await stash.get(key);` Asks at once. Fails as a call does, and with
  /// `errc::unreadable` if something else is kept there.
  [[nodiscard]] auto get(std::string key) const {
    return detail::operation<void(boost::system::error_code, std::optional<T>),
                             detail::typed_get_wait<T, Codec>>{
        {{server_.send_request(detail::stash_server::get{std::move(key)}).release(),
          std::nullopt}}};
  }

  /// `bool was = co_await stash.erase(key);`
  [[nodiscard]] auto erase(std::string key) const {
    return server_.make_call(detail::stash_server::erase{std::move(key)}, std::nullopt);
  }

  /// `std::vector<std::string> all = co_await stash.keys();`
  [[nodiscard]] auto keys() const {
    return server_.call(detail::stash_server::keys{}, std::nullopt);
  }

 private:
  server_ref<detail::stash_server> server_;
};

}  // namespace coppice
