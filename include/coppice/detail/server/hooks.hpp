#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/server/handler.hpp>
#include <coppice/detail/server/state_keeper.hpp>
#include <coppice/down.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/exit_signal.hpp>
#include <coppice/process.hpp>

#include <type_traits>
#include <utility>

// Checks that the hooks of a server's class have signatures with which they are called. Hooks are
// found by concepts, so a member with the name of a hook and the wrong signature would silently
// never be called. Such a member does not compile instead.

namespace coppice::detail {

// `has_member_x<S>` tells whether S has a function of that name, with any parameters and even if it
// is private. It is found by a trick: in a class that inherits the name from S and from another
// base, the name is ambiguous. Private types and variables of that name count too, since they
// cannot be told from functions.
#define COPPICE_HAS_MEMBER(name)                                   \
  struct other_##name {                                            \
    int name;                                                      \
  };                                                               \
  template <class S>                                               \
  struct with_other_##name : S, other_##name {};                   \
  template <class S>                                               \
  consteval bool find_member_##name() {                            \
    if constexpr (requires { typename S::name; }) {                \
      return false;                                                \
    } else if constexpr (requires { &S::name; }) {                 \
      return !std::is_member_object_pointer_v<decltype(&S::name)>; \
    } else if constexpr (std::is_final_v<S>) {                     \
      return false;                                                \
    } else {                                                       \
      return !requires { &with_other_##name<S>::name; };           \
    }                                                              \
  }                                                                \
  template <class S>                                               \
  inline constexpr bool has_member_##name = find_member_##name<S>()

COPPICE_HAS_MEMBER(init);
COPPICE_HAS_MEMBER(terminate);
COPPICE_HAS_MEMBER(state);
COPPICE_HAS_MEMBER(restore);
COPPICE_HAS_MEMBER(undelivered);

#undef COPPICE_HAS_MEMBER

template <class S>
concept has_init = requires(S& s) {
  s.init();
};
template <class S>
concept has_terminate = requires(S& s, const exit_reason& reason) {
  s.terminate(reason);
};

// A hook returns void, or a coroutine that returns void.
template <class S, class R>
inline constexpr bool returns_nothing =
    std::is_void_v<R> || std::is_same_v<R, task<void>> || std::is_same_v<R, server_awaitable<S>>;

// Checks the handler of a message that coppice itself sends, and that a class need not handle.
template <class S, class M>
consteval bool check_optional_handler() {
  if constexpr (handles<S, M>) {
    return check_handler<S, M>();
  } else {
    static_assert(!handles_lvalue<S, M>,
                  "a server's handle() takes its message by value, by const& or by &&, not by & "
                  "alone: it is never called so");
    return true;
  }
}

template <class R, class... Args>
consteval bool check_signature_of_undelivered() {
  static_assert(sizeof...(Args) == 1,
                "the hook undelivered() of a server takes one message, and nothing else");
  static_assert(
      ((!std::is_lvalue_reference_v<Args> || std::is_const_v<std::remove_reference_t<Args>>)&&...),
      "the hook undelivered() of a server takes its message by value, by const& or by &&, not by "
      "&: it would never be called");
  static_assert(std::is_void_v<R>,
                "the hook undelivered() of a server returns void; it cannot be a coroutine, as it "
                "may be called while the server is destroyed");
  return true;
}

// Looks at a hook undelivered() that is the only one of its class, and no template. What is wrong
// with one of several is told where a message of its type is sent.
template <class R, class S, class... Args, bool Throws>
consteval bool check_only_undelivered(R (S::*)(Args...) noexcept(Throws)) {
  return check_signature_of_undelivered<R, Args...>();
}
template <class R, class S, class... Args, bool Throws>
consteval bool check_only_undelivered(R (S::*)(Args...) const noexcept(Throws)) {
  return check_signature_of_undelivered<R, Args...>();
}

// Does not compile unless all functions of that name are public, which cannot be found out in
// another way if there are several: a private one is just never called.
template <class S>
struct undelivered_is_public : S {
  using S::undelivered;
};

template <class S>
consteval bool check_hooks() {
  static_assert(!has_member_init<S> || has_init<S>,
                "the hook init() of a server is public and takes no argument: `void init()`, or "
                "a coroutine (what the object needs is given to its constructor)");
  if constexpr (has_init<S>) {
    static_assert(returns_nothing<S, decltype(std::declval<S&>().init())>,
                  "the hook init() of a server returns void, coppice::task<> or "
                  "asio::awaitable<void> (with the executor_type of the class, if it has one); a "
                  "start fails by an exception");
  }
  static_assert(!has_member_terminate<S> || has_terminate<S>,
                "the hook terminate() of a server is public and takes the reason: `void "
                "terminate(const coppice::exit_reason&)`, or a coroutine");
  if constexpr (has_terminate<S>) {
    static_assert(
        returns_nothing<S,
                        decltype(std::declval<S&>().terminate(std::declval<const exit_reason&>()))>,
        "the hook terminate() of a server returns void, coppice::task<> or "
        "asio::awaitable<void> (with the executor_type of the class, if it has one)");
  }
  static_assert(!has_member_state<S> || has_state<S>,
                "the hook state() of a server is public, const and takes no argument: `T state() "
                "const`, beside `void restore(T)`; a member that is none needs another name");
  static_assert(!has_state<S> || has_member_restore<S>,
                "the server has state() and no restore(): its state is kept if it has both, `T "
                "state() const` and `void restore(T)`");
  static_assert(!has_member_restore<S> || has_member_state<S>,
                "the server has restore() and no state(): its state is kept if it has both, `T "
                "state() const` and `void restore(T)`");
  if constexpr (has_state<S> && has_member_restore<S>) {
    static_assert(keeps_state<S>,
                  "the hook restore() of a server is public and takes what state() returns: `void "
                  "restore(T)` with `T state() const`");
  }
  check_state<S>();
  if constexpr (has_member_undelivered<S>) {
    if constexpr (requires { &S::undelivered; }) {
      check_only_undelivered(&S::undelivered);
    } else {
      static_assert(sizeof(undelivered_is_public<S>) > 0);
    }
  }
  return check_optional_handler<S, exit_signal>() && check_optional_handler<S, down>();
}

}  // namespace coppice::detail
