#pragma once

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/call/call_wait.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/frame_awaiter.hpp>

#include <boost/asio/awaitable.hpp>

#include <coroutine>
#include <optional>
#include <utility>

namespace coppice {

template <class R>
class server_call;

namespace detail {

// Awaits a call in the frame of an asio::awaitable. If the server lives on the loop of the process
// that calls, it is a wait like all others. Any other call goes its own way.
template <class R, class Executor>
class call_awaiter {
 public:
  using signature = completion_signature<R>;

  call_awaiter(server_call<R>& call, frame_base<Executor>& running) noexcept
      : call_{&call}, frame_{&running} {}

  [[nodiscard]] bool await_ready() {
    scheduler* const here = scheduler::active();
    if (here == nullptr || here->body_behind(outermost_of(*frame_)) == nullptr ||
        !access::belongs_to(*call_, *here)) {
      return false;
    }
    return local_.emplace(access::to_wait(*call_), *frame_).awaiter.await_ready();
  }
  void await_suspend(std::coroutine_handle<> h) noexcept {
    if (local_) return local_->awaiter.await_suspend(h);
    frame_->after_suspend(
        [](void* self) {
          auto& a = *static_cast<call_awaiter*>(self);
          using handler = frame_handler<signature, Executor>;
          server_call<R>& call = *a.call_;
          handler::begin_with(handler{*a.frame_, a.outcome_, nullptr},
                              [&](handler&& mine) { std::move(call)(std::move(mine)); });
        },
        this);
  }
  auto await_resume() { return local_ ? local_->awaiter.await_resume() : outcome_.take(); }

 private:
  struct local_call {
    local_call(call_wait<R>&& w, frame_base<Executor>& running)
        : wait{std::move(w)}, awaiter{wait, running} {}

    call_wait<R> wait;
    frame_awaiter<call_wait<R>, Executor> awaiter;
  };

  server_call<R>* call_;
  frame_base<Executor>* frame_;
  std::optional<local_call> local_;
  frame_outcome<signature> outcome_;
};

}  // namespace detail

}  // namespace coppice

template <class Signature, class R, class Executor>
class boost::asio::detail::awaitable_async_op<Signature, coppice::server_call<R>, Executor>
    : public coppice::detail::call_awaiter<R, Executor> {
 public:
  template <class... Location>
  awaitable_async_op(coppice::server_call<R>&& awaited, awaitable_frame_base<Executor>* running,
                     const Location&...) noexcept
      : coppice::detail::call_awaiter<R, Executor>{awaited, *running} {}
};
