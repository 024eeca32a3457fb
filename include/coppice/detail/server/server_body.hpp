#pragma once

#include <coppice/describe.hpp>
#include <coppice/detail/coroutine/runner.hpp>
#include <coppice/detail/server/envelope.hpp>
#include <coppice/detail/server/handler.hpp>
#include <coppice/detail/server/hooks.hpp>
#include <coppice/detail/server/server_core.hpp>
#include <coppice/detail/server/state_keeper.hpp>
#include <coppice/down.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/exit_signal.hpp>
#include <coppice/process.hpp>
#include <coppice/server_options.hpp>

#include <boost/asio/awaitable.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

// The process of a server: its coroutine, from the first step to the last. Objects with a
// destructor do the work that has to be done however the server ends, be it by a return, an
// exception or a kill that destroys the frame. In `run` they are destroyed in this order:
//   unhandled  gives the object what it has not handled, if that has not been done
//   at_last    takes the state while the object is still there
//   before_it  marks the server as ending, before its reply_to members are destroyed
//   server     is the object
//   keeper     hands the state on
//   at_end     closes the queue

namespace coppice {

/// Told to a server that wanted to know when nothing has come for a while
/// (`this_server::idle_after`).
struct idle_timeout {};

namespace detail {

COPPICE_API void open_server(server_core& core, const std::string& name);
COPPICE_API exit_reason end_reason(server_core& core);
COPPICE_API void end(server_core& core, const exit_reason& reason, const crash_snapshot& seen);
// Gives the messages back that were not handled, without a turn of the server's own.
COPPICE_API void give_back_at_kill(server_core& core) noexcept;
// Gives the rule that the options break, in words, or nothing.
COPPICE_API std::optional<std::invalid_argument> fault_in_server(const std::string& name,
                                                                 const server_options& options,
                                                                 const std::type_info* state);

// The wait for the next message. `poll` handles messages itself (server_core::work), and is true
// only if the coroutine is needed.
struct next_wait {
  using signature = void();
  static constexpr wait_kind kind = wait_kind::message;

  server_core* core;

  [[nodiscard]] scheduler& home() const noexcept { return core->home; }
  void arm(waiter& w) {
    core->receiver = &w;
    core->set_idle_timer();
    if (core->front() != nullptr || core->requested.stop || core->idle_over) {
      w.wake();
    } else {
      core->note_idle();
    }
  }
  [[nodiscard]] bool poll() const { return core->work(); }
  void disarm() const noexcept { core->receiver = nullptr; }
  template <class Handler>
  static void complete(Handler&& h) {
    std::forward<Handler>(h)();
  }
};

template <class S>
envelope* wrap_exit_signal(server_core&, const pid& from, const exit_reason& reason) {
  return new cast_envelope<S, exit_signal>{exit_signal{from, reason}};
}
template <class S>
envelope* wrap_down(const down& d) {
  return new cast_envelope<S, down>{d};
}

template <class S, class... Args>
class server_body final : public typed_body<typename server_executor<S>::type>, public pooled {
 public:
  using executor_type = typename server_executor<S>::type;

  template <class... Given>
  server_body(std::string name, server_options o, Given&&... args)
      : typed_body<executor_type>{true},
        name_{std::move(name)},
        options_{std::move(o)},
        args_{std::forward<Given>(args)...} {}

  void prepare(process& p) override {
    p.more().behaviour = std::make_shared<server_core>(p, &server_tag<S>, options_.mailbox);
  }

  server_awaitable<S> call(process& p) override { return run(p, *this, nullptr); }

  // A state that is handed over directly belongs to one child of one supervisor, while a spec may
  // be used several times. So each child gets a body of its own, which refers to the common one.
  body_ptr for_child(const body_ptr& self) override {
    if constexpr (keeps_state<S>) {
      if (options_.state.stash.empty()) return body_ptr{new instance{self, *this}};
    }
    return self;
  }

 private:
  // The body for one child of a supervisor: it keeps the state between two incarnations of the
  // child.
  class instance final : public typed_body<executor_type>, public pooled {
   public:
    instance(body_ptr kept, server_body& original)
        : typed_body<executor_type>{true}, kept_{std::move(kept)}, original_{original} {}
    void prepare(process& p) override { original_.prepare(p); }
    server_awaitable<S> call(process& p) override { return run(p, original_, &handed_); }

   private:
    const body_ptr kept_;
    server_body& original_;
    kept_state handed_;
  };

  struct nothing {
    template <class... Any>
    explicit nothing(Any&&...) noexcept {}
  };
  using keeper_type = std::conditional_t<keeps_state<S>, state_keeper, nothing>;
  using taker_type = std::conditional_t<keeps_state<S>, state_taker<S>, nothing>;

  // Closes the queue when the frame is destroyed: nothing must reach the server after that.
  struct closing {
    server_core* core;
    ~closing() { core->close(); }
  };

  // The coroutine itself has done this, unless the server was killed.
  struct giving_back {
    server_core* core;
    ~giving_back() {
      if (core->front() != nullptr) give_back_at_kill(*core);
    }
  };

  // The object may hold the reply_to of calls that it has not answered, and destroys them. Their
  // callers are to hear how the server ended, and not that there is no reply; `ending` makes that
  // difference.
  struct leaving {
    server_core* core;
    ~leaving() {
      core->object = nullptr;
      core->ending = true;
    }
  };

  static server_awaitable<S> run(process& p, const server_body& body, kept_state* handed) {
    // If the frame cannot be interrupted, the process is abandoned and the frame outlives it: the
    // core must live as long as the frame.
    const std::shared_ptr<behaviour> kept = p.extras->behaviour;
    server_core& core = static_cast<server_core&>(*kept);
    const closing at_end{&core};
    open(core, body.name_);
    [[maybe_unused]] keeper_type keeper{core, body.name_, body.options_, handed};
    const std::any* given = nullptr;
    if constexpr (keeps_state<S>) {
      if (keeper.in_stash()) {
        auto fetching = keeper.fetch();
        kept_state found = co_await std::move(fetching);
        given = keeper.start_with(std::move(found), &text_of_state<S>);
      } else {
        given = keeper.handed_over(&text_of_state<S>);
      }
    }
    S server = std::apply([](const auto&... args) { return S(args...); }, body.args_);
    const leaving before_it{&core};
    if constexpr (keeps_state<S>) {
      if (given != nullptr) server.restore(state_of<S>{*std::any_cast<state_of<S>>(given)});
    }
    [[maybe_unused]] const taker_type at_last{keeper, server};
    const giving_back unhandled{&core};
    if constexpr (has_init<S>) {
      auto starting = run_init(server);
      co_await std::move(starting);
    }
    core.describe = [](const void* s) { return text_of(*static_cast<const S*>(s)); };
    core.object = &server;
    p.home.acknowledge(p, {});

    while (!core.requested.stop && !core.failure) {
      try {
        co_await deferred_wait<next_wait>{{&core}};
        if (core.requested.stop || core.failure) break;
        auto handling = handle_next(server, core);
        co_await std::move(handling);
      } catch (...) {
        core.failure = std::current_exception();
      }
    }

    core.ending = true;
    const crash_snapshot seen = core.take_snapshot();
    exit_reason reason = end_reason(core);
    if constexpr (has_terminate<S>) {
      try {
        auto ending = run_terminate(server, reason);
        co_await std::move(ending);
      } catch (...) {
        core.failure = std::current_exception();
        reason = end_reason(core);
      }
    }
    if (auto fault = core.give_back()) {
      core.failure = std::move(fault);
      reason = end_reason(core);
    }
    end(core, reason, seen);
  }

  static void open(server_core& core, const std::string& name) {
    open_server(core, name);
    if constexpr (handles<S, exit_signal>) core.wrap_signal = &wrap_exit_signal<S>;
    if constexpr (handles<S, down>) core.wrap_down = &wrap_down<S>;
  }

  // Handles a message whose handler is a coroutine, or the end of the idle time.
  static server_awaitable<S> handle_next(S& server, server_core& core) {
    if (core.front() != nullptr) {
      if (core.front()->kind != envelope::kind_type::coroutine) co_return;
      auto& e = static_cast<coroutine_envelope<S>&>(core.take());
      auto running = e.run(server, core);
      co_await std::move(running);
      e.dispose(errc::no_reply);
      core.has_handled();
      co_return;
    }
    if (!std::exchange(core.idle_over, false)) co_return;
    if constexpr (handles<S, idle_timeout>) {
      core.is_idling = true;
      auto running = run_idle(server);
      co_await std::move(running);
      core.is_idling = false;
      core.has_handled();
    }
  }

  // These call the hooks, each of which may be a coroutine. The coroutine is named before it is
  // awaited here and elsewhere: g++ 12 destroys temporaries in an awaited expression twice.
  static server_awaitable<S> run_init(S& server) {
    if constexpr (is_coroutine<decltype(server.init())>) {
      auto running = awaitable_in<S>(server.init());
      co_await std::move(running);
    } else {
      server.init();
    }
    co_return;
  }
  static server_awaitable<S> run_terminate(S& server, const exit_reason& reason) {
    if constexpr (is_coroutine<decltype(server.terminate(reason))>) {
      auto running = awaitable_in<S>(server.terminate(reason));
      co_await std::move(running);
    } else {
      server.terminate(reason);
    }
    co_return;
  }
  static server_awaitable<S> run_idle(S& server) {
    idle_timeout told;
    if constexpr (handled_by_coroutine<S, idle_timeout>) {
      auto running = awaitable_in<S>(call_handler(server, told));
      co_await std::move(running);
    } else {
      call_handler(server, told);
    }
    co_return;
  }

  std::string name_;
  server_options options_;
  std::tuple<Args...> args_;
};

template <class S, class... Args>
body_ptr make_server(std::string name, server_options o, Args&&... args) {
  static_assert(
      std::constructible_from<S, const std::decay_t<Args>&...>,
      "the server's class has no constructor for these arguments; they are copied for each "
      "start");
  static_assert(check_hooks<S>() && check_optional_handler<S, idle_timeout>());
  return body_ptr{new server_body<S, std::decay_t<Args>...>{std::move(name), std::move(o),
                                                           std::forward<Args>(args)...}};
}

}  // namespace detail

}  // namespace coppice
