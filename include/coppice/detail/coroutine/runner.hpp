#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/runtime/body.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/executor.hpp>
#include <coppice/exit_reason.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <exception>
#include <span>
#include <type_traits>
#include <utility>

// A runner is started by awaitable_thread, the base class of Asio's own completion handlers.
// co_spawn uses it too, but adds a frame, copies of the executor and a cancellation signal: 300
// bytes and more for each process. The class is not documented, but the same in every Boost from
// 1.77 to 1.90, the newest one seen. With COPPICE_DOCUMENTED_ASIO_ONLY co_spawn is used.
#if defined(COPPICE_DOCUMENTED_ASIO_ONLY)
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#endif

#if !defined(COPPICE_DOCUMENTED_ASIO_ONLY)

namespace coppice::detail {
template <class Executor>
struct frame_list;
}  // namespace coppice::detail

// The outermost frame of a thread of awaitables knows the innermost one. Its friends are the frames
// of all executors: this is one of an executor that does not exist.
template <class Executor>
class boost::asio::detail::awaitable_frame_base<coppice::detail::frame_list<Executor>> {
 public:
  using outermost_type = awaitable_frame<awaitable_thread_entry_point, Executor>;

  static awaitable_frame_base<Executor>* innermost(const outermost_type& outermost) noexcept {
    return outermost.top_of_stack_;
  }
  static bool& throws_if_cancelled(outermost_type& outermost) noexcept {
    return outermost.throw_if_cancelled_;
  }
};

namespace coppice::detail {

// The frames of the coroutines that await each other, as Asio keeps them: in a list, from the
// innermost one outwards.
template <class Executor>
struct frame_list : asio::detail::awaitable_frame_base<Executor> {
  using reader = asio::detail::awaitable_frame_base<frame_list>;

  static auto handle() { return &frame_list::coro_; }  // these members are protected
  static auto caller() { return &frame_list::caller_; }

  // See `runner_type::frames`. The outermost frame is that of the runner, and is left out.
  static std::size_t frames(const void* outermost, std::span<void*> room) {
    const auto* const last = static_cast<const typename reader::outermost_type*>(outermost);
    std::size_t n = 0;
    for (auto* f = reader::innermost(*last); f != nullptr && f != last && n < room.size();
         f = f->*caller()) {
      room[n++] = (f->*handle()).address();
    }
    return n;
  }
  // See `runner_type::let_waits_fail`. The outermost frame remembers the request that was emitted.
  static bool let_waits_fail(void* outermost, bool fail) {
    return std::exchange(
        reader::throws_if_cancelled(*static_cast<typename reader::outermost_type*>(outermost)),
        fail);
  }
};

}  // namespace coppice::detail

#endif

namespace coppice::detail {

// Note how a body has ended by itself.
COPPICE_API void returned(process& p) noexcept;
COPPICE_API exit_reason reason_of(std::exception_ptr e) noexcept;
// Tell whether that is how an operation ends that was cancelled.
COPPICE_API bool is_cancellation(const boost::system::error_code& ec) noexcept;
COPPICE_API bool is_cancellation(std::exception_ptr e) noexcept;
COPPICE_API void threw(process& p) noexcept;  // while the exception is being handled
COPPICE_API void threw(process& p, std::exception_ptr e) noexcept;
COPPICE_API void ended(process& p, std::exception_ptr e) noexcept;  // null: it has returned
// The runner of the slot has parked, between two processes.
COPPICE_API void parked(process& p) noexcept;
// The runner of the slot, or the task that is its body, has been destroyed.
COPPICE_API void frames_gone(process& p) noexcept;

// The body of a process that is an asio::awaitable.
template <class Executor>
class typed_body : public body {
 public:
  explicit typed_body(bool acknowledges) noexcept;
  virtual asio::awaitable<void, Executor> call(process& p) = 0;
  void launch(process& p) final;
};

// A runner is a coroutine that belongs to a slot and runs one body after another: it waits parked,
// runs a body to its end, and parks again. Making a coroutine of Asio's costs more than everything
// else that a process needs; so it is paid for once per slot and not once per process. A kill
// destroys the runner with the frames of the body, and the slot gets a new one.
//
// This is the one place that knows that the body of a process may be an asio::awaitable.
template <class Executor>
class runner {
 public:
  static constexpr char tag{};  // its address names the type of runner, see body::kind

  // Makes the runner of a slot, and lets it park. While `opening` is set, parking tells nobody, and
  // copies of the executor stay tied to the slot instead of its present process.
  static void open(process& p) {
    p.opening = true;
    try {
      const Executor ex{access::of_slot<executor>(p)};
#if defined(COPPICE_DOCUMENTED_ASIO_ONLY)
      asio::co_spawn(ex, loop(owner{p}),
                     asio::bind_cancellation_slot(p.signal.slot(), asio::detached));
#else
      const asio::cancellation_slot slot = p.signal.slot();
      asio::detail::awaitable_thread<Executor> thread{loop(owner{p}), ex, slot,
                                                      asio::cancellation_state{slot}};
      thread.launch();
#endif
    } catch (...) {
      p.opening = false;
      p.runner = nullptr;
      throw;
    }
    p.opening = false;
  }

 private:
#if defined(COPPICE_DOCUMENTED_ASIO_ONLY)
  using loop_result = void;
#else
  using loop_result = asio::detail::awaitable_thread_entry_point;
#endif

  // A parameter of the coroutine, which lives in its frame: its destructor tells that the frame is
  // destroyed, however that has come about.
  struct owner {
    explicit owner(process& p) noexcept : slot{&p} {}
    owner(owner&& other) noexcept : slot{std::exchange(other.slot, nullptr)} {}
    owner& operator=(owner&&) = delete;
    ~owner() {
      if (slot != nullptr) frames_gone(*slot);
    }
    process* slot;
  };

  // The operation that a parked runner waits in. Its handler is stored in the slot itself, and
  // called by the scheduler for the next process: nothing is allocated, and no executor is
  // involved.
  struct park {
    process* self;

    template <asio::completion_token_for<void()> Token>
    auto operator()(Token&& token) const {
      return asio::async_initiate<Token, void()>(
          [](auto&& handler, process* p) {
#if !defined(COPPICE_DOCUMENTED_ASIO_ONLY)
            // A body may change the cancellation state of its coroutine. The next body must not
            // find it changed.
            handler.reset_cancellation_state();
            handler.throw_if_cancelled(false);
            p->template park<&tag, &frame_list<Executor>::frames,
                             &frame_list<Executor>::let_waits_fail>(
                std::forward<decltype(handler)>(handler));
#else
            p->template park<&tag, nullptr, nullptr>(std::forward<decltype(handler)>(handler));
#endif
            detail::parked(*p);
          },
          token, self);
    }
  };

#if !defined(COPPICE_DOCUMENTED_ASIO_ONLY)
  // `co_await body` would throw the exception of the body once more, into the runner, which only
  // wants to look at it: that unwinding costs as much as the throw itself. So a body is resumed as
  // co_await does it, and its exception is taken out of its frame, where Asio has put it.
  using frame_base = asio::detail::awaitable_frame_base<Executor>;
  using thread_base = asio::detail::awaitable_thread<Executor>;

  // Asio calls what a coroutine awaits, if it is such a function, when the coroutine is suspended.
  struct push_frame {
    frame_base* pushed;

    thread_base* operator()(frame_base* runner) const noexcept {
      pushed->push_frame(runner);
      return nullptr;
    }
  };

  // An awaitable is one pointer, to its frame.
  static frame_base* frame_of(asio::awaitable<void, Executor>& body) noexcept {
    using frame = asio::detail::awaitable_frame<void, Executor>;
    static_assert(std::is_standard_layout_v<asio::awaitable<void, Executor>>);
    static_assert(sizeof(asio::awaitable<void, Executor>) == sizeof(frame*));
    return *reinterpret_cast<frame**>(&body);
  }

  // Destroys the frame of a body that has ended, and gives what it has thrown, or null.
  static std::exception_ptr take_exception(asio::awaitable<void, Executor>& body) noexcept {
    struct derived : frame_base {  // the member is protected
      static std::exception_ptr frame_base::*exception() { return &derived::pending_exception_; }
    };
    asio::awaitable<void, Executor> destroyed = std::move(body);
    return std::exchange(frame_of(destroyed)->*derived::exception(), nullptr);
  }
#endif

  static asio::awaitable<loop_result, Executor> loop(owner self) {
    for (;;) {
#if defined(COPPICE_DOCUMENTED_ASIO_ONLY)
      co_await asio::this_coro::reset_cancellation_state();
      co_await asio::this_coro::throw_if_cancelled(false);
#endif
      co_await park{self.slot};
      try {
        asio::awaitable<void, Executor> body =
            static_cast<typed_body<Executor>&>(*self.slot->what).call(*self.slot);
#if defined(COPPICE_DOCUMENTED_ASIO_ONLY)
        co_await std::move(body);
        returned(*self.slot);
#else
        co_await push_frame{frame_of(body)};
        ended(*self.slot, take_exception(body));
#endif
      } catch (...) {
        threw(*self.slot);
      }
#if !defined(COPPICE_DOCUMENTED_ASIO_ONLY)
      // The waits of a body may fail since it was asked to stop: that of the runner must not.
      frame_list<Executor>::let_waits_fail(self.slot->outermost, false);
#endif
    }
  }
};

template <class Executor>
typed_body<Executor>::typed_body(bool acknowledges) noexcept
    : body{&runner<Executor>::tag, acknowledges} {}

template <class Executor>
void typed_body<Executor>::launch(process& p) {
  if (p.runner == nullptr) runner<Executor>::open(p);
  p.life.enter_body();
  p.resume_parked();
}

}  // namespace coppice::detail
