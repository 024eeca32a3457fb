#pragma once

#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>

#include <concepts>

namespace coppice::detail {

// A handler of that signature, of which only the type is of use.
template <class Signature>
struct any_handler;
template <class... T>
struct any_handler<void(T...)> {
  void operator()(T...) const;
};

// One of coppice's own waits, without the one who waits: that is a `waiter`, which calls these. All
// run on the loop's thread.
//
//   signature    void(error_code, T...), or void(): as it completes.
//   home()       The scheduler on which it waits. Asked first, before anything is armed.
//   arm(w)       The caller is suspended now. Registers w where a result may come from, and sends
//                off what is to be sent. Calls w.wake() if there may be a result already; must
//                not complete by itself. Called once. May throw, but not after w.wake(): the wait
//                does not begin then, and disarm() is called.
//   poll()       Called each time that w was woken, which may be for nothing. Says whether there
//                is something to complete with, and may do work to get there: run the handlers
//                of a server, carry out what a supervisor has decided, kill tasks that are late.
//                The wait goes on if it says false. Not called any more when the wait is cancelled.
//   disarm()     Unregisters w. Called once: after poll() has said true or the wait was
//                cancelled, before anything is completed; or when the caller is destroyed where
//                it waits. Throws nothing.
//   complete(h)  Takes the result and calls h with it. Called once, after poll() has said true.
//                May throw, which ends the process that waits.
//
//   ready(p)     May be missing. Asked before anything else, with the process that is about to
//                wait, if that need not suspend: says whether there is something to complete with
//                already, and may send off what is to be sent to get there. If so, and if the
//                process still need not suspend, complete(h) is called next, and none of the
//                others; otherwise arm(w) is.
//
// A wait that is cancelled is not completed by its state: `complete_failed` tells from the
// signature how. The state is moved before it is armed, and after it is disarmed, when it must not
// refer to w any more; not while it is armed.
template <class State>
concept wait_state = std::move_constructible<State> &&
    requires(State& state, waiter& w, any_handler<typename State::signature> h) {
  { state.home() } -> std::same_as<scheduler&>;
  { state.arm(w) } -> std::same_as<void>;
  { state.poll() } -> std::same_as<bool>;
  { state.disarm() } -> std::same_as<void>;
  requires noexcept(state.disarm());
  { state.complete(h) } -> std::same_as<void>;
};

// It may have its result before it is armed.
template <class State>
concept early_wait_state = wait_state<State> && requires(State& state, process& p) {
  { state.ready(p) } -> std::same_as<bool>;
};

// Tells whether that wait of a process may complete without suspending it.
template <early_wait_state State>
bool may_complete_at_once(State& state, process& p) {
  // Sending something off may bring about anything, a kill of this very process among others.
  return p.home.may_complete_at_once(p) && state.ready(p) && p.home.may_complete_at_once(p);
}

}  // namespace coppice::detail
