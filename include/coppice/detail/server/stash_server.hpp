#pragma once

#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/call/response_wait.hpp>
#include <coppice/detail/server/stash_store.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/reply_to.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/system/error_code.hpp>

#include <any>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coppice::detail {

// The server behind a stash of either kind: it passes requests on to its store, which answers them,
// at once or later. It is an ordinary server, so it has a queue, a name and a place in a
// supervision tree.
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

// Gives the spec of a stash as a child of a supervisor.
COPPICE_API child_spec stash_of(std::string name, stash_server::opener open);

// The codec of a stash in memory: the state stays an object.
template <class T>
struct kept_as_it_is {
  static std::any encode(T x) { return std::any{std::move(x)}; }
  static T decode(const std::any& kept) { return std::any_cast<T>(kept); }
};

using get_wait = response_wait<kept_state>;

// Waits for a state and decodes it. A state that cannot be decoded is an error of this one request.
template <class T, class Codec>
struct typed_get_wait : get_wait {
  using signature = void(boost::system::error_code, std::optional<T>);

  template <class Handler>
  void complete(Handler&& h) {
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
};

}  // namespace coppice::detail
