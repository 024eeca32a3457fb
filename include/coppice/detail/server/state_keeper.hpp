#pragma once

#include <coppice/config.hpp>
#include <coppice/describe.hpp>
#include <coppice/detail/call/response_wait.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/server/server_core.hpp>
#include <coppice/detail/server/stash_store.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/pid.hpp>
#include <coppice/server_options.hpp>

#include <any>
#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

// The state of one incarnation of a server is handed to the next. A class takes part by the members
// state() and restore(). The state is taken when the server ends, also when it crashes, and may be
// the cause of the crash. So crashes with an unchanged state are counted, and a state that crashes
// several incarnations in a row is dropped.

namespace coppice::detail {

template <class S>
concept has_state = requires(const S& s) {
  s.state();
};

template <class S>
using state_of = std::decay_t<decltype(std::declval<const S&>().state())>;

template <class S>
concept keeps_state = has_state<S> && requires(S& s, state_of<S> x) {
  s.restore(std::move(x));
};

template <class S>
consteval bool check_state() {
  if constexpr (keeps_state<S>) {
    static_assert(std::copyable<state_of<S>> && std::equality_comparable<state_of<S>>,
                  "what state() returns is copied, and compared with ==: that is how a state is "
                  "found out that crashes one incarnation after the other");
    static_assert(std::is_void_v<decltype(std::declval<S&>().restore(std::declval<state_of<S>>()))>,
                  "the hook restore() of a server returns void; it cannot be a coroutine, which "
                  "init() may be");
  }
  return true;
}

// Gives null if the state of the class is not kept.
template <class S>
const std::type_info* type_of_state() noexcept {
  if constexpr (keeps_state<S>) {
    return &typeid(state_of<S>);
  } else {
    return nullptr;
  }
}

using fetch_operation = deferred_wait<response_wait<kept_state>>;
using save_operation = deferred_wait<response_wait<void>>;

// Lies in the frame of a server, around the object: it exists before the object is made and after
// it is destroyed. A keeper that was given a state hands a state on in its destructor, however the
// server ends: the state that was taken from the object or, if the object was never made, the given
// one.
class COPPICE_API state_keeper {
 public:
  // `handed` is the place for a state that goes directly to the next incarnation. It may be null.
  state_keeper(server_core& core, const std::string& key, const server_options& options,
               kept_state* handed) noexcept;
  state_keeper(const state_keeper&) = delete;
  state_keeper& operator=(const state_keeper&) = delete;
  ~state_keeper();

  [[nodiscard]] bool in_stash() const noexcept { return !options_.state.stash.empty(); }
  [[nodiscard]] fetch_operation fetch();
  // Gives the state to start with, or null. `text` describes a state for the report that it is
  // dropped.
  [[nodiscard]] const std::any* start_with(kept_state found,
                                           std::string (*text)(const std::any&));
  [[nodiscard]] const std::any* handed_over(std::string (*text)(const std::any&));
  [[nodiscard]] const std::any* given() const noexcept {
    return given_.has_value() ? &given_.state : nullptr;
  }
  // Notes the state with which the server ends. `same` tells that it equals the state that it was
  // given.
  void take(std::any state, bool same) noexcept;
  [[nodiscard]] save_operation save(std::any state, bool same);
  void could_not_be_taken(std::exception_ptr why) noexcept;

 private:
  [[nodiscard]] kept_state encoded(kept_state s) const;
  void put_away(kept_state s) noexcept;
  [[nodiscard]] bool crashed() const noexcept;

  server_core& core_;
  const pid server_;
  const std::string& key_;
  const server_options& options_;
  kept_state* handed_;
  kept_state given_;
  bool put_away_ = false;
};

// Gives the keeper of the server whose handler runs now. Throws std::logic_error if there is none.
COPPICE_API state_keeper& current_keeper(const void* type);

template <class S>
std::string text_of_state(const std::any& state) {
  return text_of(*std::any_cast<state_of<S>>(&state));
}

template <class S>
bool is_as_given(const state_keeper& keeper, const state_of<S>& now) {
  const std::any* const given = keeper.given();
  return given != nullptr && *std::any_cast<state_of<S>>(given) == now;
}

// Takes the state from the object when the frame of the server ends, normally or by an exception.
template <class S>
struct state_taker {
  state_keeper& keeper;
  const S& server;

  ~state_taker() {
    try {
      state_of<S> now = server.state();
      const bool same = is_as_given<S>(keeper, now);
      keeper.take(std::any{std::move(now)}, same);
    } catch (...) {
      keeper.could_not_be_taken(std::current_exception());
    }
  }
};

}  // namespace coppice::detail
