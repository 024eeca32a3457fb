#pragma once

#include <coppice/call_limit.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/in_place.hpp>
#include <coppice/detail/call/call_slot.hpp>
#include <coppice/detail/call/call_stage.hpp>
#include <coppice/detail/call/call_wait.hpp>
#include <coppice/detail/call/remote_call.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/exit_reason.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/system_executor.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#if !defined(COPPICE_DOCUMENTED_ASIO_ONLY)
#include <coppice/detail/call/call_awaiter.hpp>
#endif

namespace coppice {

/// A call to a server. `co_await` it, or call it with any completion token. Nothing is sent before.
///
/// @tparam R What the server answers.
template <class R>
class [[nodiscard]] server_call {
 public:
  /// How it completes: `void(error_code, R)`, or `void(error_code)`.
  using signature = completion_signature<R>;

  /// Sends the call, and completes when it is answered or has failed.
  ///
  /// @par Completion Signature
  /// `signature`: `void(error_code, R)`, or `void(error_code)`
  template <asio::completion_token_for<signature> Token>
  auto operator()(Token&& token) && {
    return initiate(token);
  }
  template <asio::completion_token_for<signature> Token>
  auto operator()(Token&& token) & {
    return initiate(token);
  }

  /// `co_await ref.call<message>(members...).within(1s);` waits for that long, in place of 5 s.
  ///
  /// @param limit `infinity`: without limit. `inherited`: in a handler of a server, as long as the
  ///   caller of the message that is being handled.
  [[nodiscard]] server_call within(call_limit limit) && {
    call_->set_limit(detail::access::own(limit), detail::access::stage(limit));
    return std::move(*this);
  }

  /// Itself, to be awaited: what can be written with every compiler, see `function_call`.
  [[nodiscard]] server_call&& result() & { return std::move(*this); }

  /// How the server ended, after the call has failed with `errc::died`. For that the call is kept
  /// in a variable: `auto asking = ref.call(m); co_await asking.result();`
  [[nodiscard]] exit_reason failure() const {
    if (call_) return call_->reason;
    return elsewhere_ ? elsewhere_->failure : exit_reason{};
  }

 private:
  friend struct detail::access;

  using wait_type = detail::call_wait<R>;
  using remote_wait_type = detail::remote_call_wait<R>;
  using elsewhere_ptr = std::shared_ptr<detail::caller_elsewhere>;

  explicit server_call(detail::call_ptr<R> call) noexcept : call_{std::move(call)} {}

  [[nodiscard]] bool belongs_to(const detail::scheduler& s) const noexcept {
    return call_ && detail::access::serial(call_->terms.target) == s.serial();
  }
  [[nodiscard]] wait_type to_wait() { return {share()}; }
  [[nodiscard]] remote_wait_type to_remote_wait(detail::scheduler& here) {
    auto call = hand_over();
    return {here, std::move(call), elsewhere_};
  }

  template <class Token>
  auto initiate(Token& token) {
    check();
    const bool is_here = detail::scheduler::runs_here(detail::access::serial(call_->terms.target));
    auto call = is_here ? share() : hand_over();
    return asio::async_initiate<Token, signature>(
        [](auto&& handler, detail::call_ptr<R> c, elsewhere_ptr elsewhere) {
          start(std::forward<decltype(handler)>(handler), std::move(c), std::move(elsewhere));
        },
        token, std::move(call), elsewhere_);
  }

  template <class Handler>
  static void start(Handler&& h, detail::call_ptr<R> call, elsewhere_ptr elsewhere) {
    using handler_type = std::decay_t<Handler>;
    if (!elsewhere) return start_here(std::move(call), std::forward<Handler>(h));
    detail::process* const p = detail::process_behind(asio::get_associated_executor(h));
    if (p != nullptr && p->home.on_loop_thread()) {
      detail::wait_with(remote_wait_type{p->home, std::move(call), std::move(elsewhere)},
                         std::forward<Handler>(h));
    } else if constexpr (std::same_as<asio::associated_executor_t<handler_type>,
                                      asio::system_executor>) {
      // The handler belongs nowhere: so it is the loop of the server where its caller waits.
      call->terms.elsewhere = std::move(elsewhere);
      const std::uint64_t there = detail::access::serial(call->terms.target);
      detail::scheduler::post(there,
                              [call = std::move(call), h = std::forward<Handler>(h)]() mutable {
                                start_here(std::move(call), std::move(h));
                              });
    } else {
      std::make_shared<detail::foreign_call<R, handler_type>>(std::forward<Handler>(h),
                                                                 std::move(elsewhere))
          ->start(std::move(call));
    }
  }

  template <class Handler>
  static void start_here(detail::call_ptr<R> call, Handler&& h) {
    detail::wait_with(wait_type{std::move(call)}, std::forward<Handler>(h));
  }

  void check() const {
    if (call_ && call_->terms.stage == detail::call_stage::unsent) return;
    detail::inherit_limit(call_.get());
  }
  // For a wait on the loop's thread, where the call is counted.
  [[nodiscard]] detail::call_ptr<R> share() const {
    check();
    return call_;
  }
  // For a wait elsewhere: the call goes to the loop's thread, and nothing of it stays here.
  [[nodiscard]] detail::call_ptr<R> hand_over() {
    check();
    elsewhere_ = std::make_shared<detail::caller_elsewhere>();
    return std::move(call_);
  }

  detail::call_ptr<R> call_;
  elsewhere_ptr elsewhere_{};
};

}  // namespace coppice
