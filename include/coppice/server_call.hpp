#pragma once

#include <coppice/detail/envelope.hpp>
#include <coppice/detail/scheduler.hpp>
#include <coppice/detail/server_core.hpp>
#include <coppice/detail/waiter.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/process_ref.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coppice {

namespace detail {

template <class R>
struct call_signature {
  using type = void(boost::system::error_code, R);
};
template <>
struct call_signature<void> {
  using type = void(boost::system::error_code);
};

// Completes a call: with its answer, or with what is in the way of one.
template <class R, class Handler>
void complete_call(typed_slot<R>& slot, Handler&& h) {
  if constexpr (std::is_void_v<R>) {
    std::forward<Handler>(h)(slot.value ? boost::system::error_code{} : slot.error);
  } else {
    static_assert(std::default_initializable<R>,
                  "a reply type can be made without arguments: a call that fails has no other");
    if (slot.value) {
      std::forward<Handler>(h)(boost::system::error_code{}, std::move(*slot.value));
    } else {
      std::forward<Handler>(h)(slot.error, R{});
    }
  }
}
template <class R, class Handler>
void abort_call(Handler&& h) {
  const boost::system::error_code why = asio::error::operation_aborted;
  if constexpr (std::is_void_v<R>) {
    std::forward<Handler>(h)(why);
  } else {
    std::forward<Handler>(h)(why, R{});
  }
}

template <class S, class M>
using call_ptr = boost::intrusive_ptr<call_envelope<S, M>>;

// Puts a call into the queue of its server, or fails it at once.
template <class S, class M>
void send_call(call_envelope<S, M>& e) {
  server_core* const core = server_core::of(e.terms.target.get(), &server_tag<S>);
  process* const caller = e.home.current();
  // Who only looks into the server is no client of it.
  if (!handles_itself<S, M> && caller != nullptr) e.from = caller->id();
  if (core == nullptr || core->closed) {
    e.fail(errc::noproc);
  } else if (caller == &core->self) {
    e.fail(errc::would_deadlock);
  } else {
    intrusive_ptr_add_ref(&e);
    e.server = core;
    core->calls.push_back(e);
    core->push(e);
  }
}

template <class S, class M>
struct call_wait {
  using reply = typename M::reply;

  call_ptr<S, M> call;

  [[nodiscard]] scheduler& home() const noexcept { return call->home; }

  void begin(waiter& w) {
    call->terms.sent = true;
    send_call(*call);
    call->caller = &w;
    if (call->done()) {
      w.wake();
    } else if (call->terms.limit) {
      call->timer.begin(w, *call->terms.limit);
    }
  }
  [[nodiscard]] bool ready() const noexcept { return call->done() || call->timer.has_rung(); }
  void leave() noexcept {
    if (!call) return;
    call->caller = nullptr;
    call->timer.leave();
  }
  template <class Handler>
  void deliver(Handler&& h) {
    if (!call->done()) {
      call->fail(errc::timeout);
      if (call->terms.or_kill) kill_unless_up(call->terms.target.whereis());
    }
    if (call->terms.failure && !call->value) *call->terms.failure = call->reason;
    complete_call(*call, std::forward<Handler>(h));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    abort_call<reply>(std::forward<Handler>(h));
  }
};

}  // namespace detail

/// A call to a server. `co_await` it, or call it with any completion token. Nothing is sent before.
template <class S, class M>
class [[nodiscard]] server_call {
 public:
  using signature = typename detail::call_signature<typename M::reply>::type;
  using wait_type = detail::call_wait<S, M>;

  /// For coppice's own use.
  explicit server_call(detail::call_ptr<S, M> call) noexcept : call_{std::move(call)} {}
  [[nodiscard]] wait_type to_wait() { return prepare(); }
  [[nodiscard]] bool belongs_to(const detail::scheduler& s) const noexcept {
    return call_ && &call_->home == &s;
  }

  template <asio::completion_token_for<signature> Token>
  auto operator()(Token&& token) && {
    return initiate(prepare(), token);
  }
  template <asio::completion_token_for<signature> Token>
  auto operator()(Token&& token) & {
    return initiate(prepare(), token);
  }

  /// How the server ended, after the call has failed with `errc::died`. For that the call is kept
  /// in a variable: `auto asking = ref.call(m); co_await std::move(asking);`
  [[nodiscard]] exit_reason failure() const {
    if (call_) return call_->reason;
    return failure_ ? *failure_ : exit_reason{};
  }

 private:
  // The place for the answer is shared on the loop's thread only.
  wait_type prepare() {
    if (!call_ || call_->terms.sent) throw std::logic_error{"coppice: this call was made already"};
    if (call_->home.on_loop_thread()) return {call_};
    call_->terms.failure = failure_ = std::make_shared<exit_reason>();
    return {std::move(call_)};
  }

  template <class Token>
  static auto initiate(detail::call_wait<S, M> state, Token& token) {
    return asio::async_initiate<Token, signature>(
        [](auto&& handler, detail::call_wait<S, M> s) {
          using handler_type = std::decay_t<decltype(handler)>;
          if (s.home().on_loop_thread()) {
            start<handler_type>(std::move(s), std::forward<decltype(handler)>(handler));
          } else {
            elsewhere<handler_type>(std::move(s), std::forward<decltype(handler)>(handler));
          }
        },
        token, std::move(state));
  }

  template <class Handler>
  static void start(detail::call_wait<S, M> s, Handler handler) {
    detail::scheduler& home = s.home();
    auto* w = new detail::wait_operation<detail::call_wait<S, M>, Handler>{home, std::move(s),
                                                                           std::move(handler)};
    w->start();
  }

  // Of another thread: the call is made on the loop, and the answer taken back. A cancellation of
  // the caller's does not reach over.
  template <class Handler>
  static void elsewhere(detail::call_wait<S, M> s, Handler handler) {
    detail::scheduler& home = s.home();
    auto ex = asio::get_associated_executor(handler);
    auto answer = [work = asio::make_work_guard(ex),
                   handler = std::move(handler)](auto... result) mutable {
      auto back = work.get_executor();
      asio::dispatch(back, [work = std::move(work), handler = std::move(handler),
                            result = std::tuple{std::move(result)...}]() mutable {
        std::apply(std::move(handler), std::move(result));
      });
    };
    asio::post(home.io().get_executor(), [s = std::move(s), answer = std::move(answer)]() mutable {
      start<decltype(answer)>(std::move(s), std::move(answer));
    });
  }

  detail::call_ptr<S, M> call_;
  std::shared_ptr<exit_reason> failure_{};
};

/// A call with a function in it. Nothing is sent before `result()` is awaited.
///
/// The function and the awaiting are two statements, because g++ 12 destroys twice what a lambda
/// captured by value when the lambda stands in the awaited expression.
template <class Call>
class [[nodiscard]] function_call {
 public:
  explicit function_call(Call call) : call_{std::move(call)} {}

  /// `R r = co_await request.result();` Once. Fails as `server_ref::call` does.
  [[nodiscard]] Call&& result() & { return std::move(call_); }
  Call&& result() && = delete;

  /// How the process ended, after `errc::died`.
  [[nodiscard]] exit_reason failure() const { return call_.failure(); }

 private:
  Call call_;
};

}  // namespace coppice
