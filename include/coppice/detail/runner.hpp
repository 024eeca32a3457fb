#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/body.hpp>
#include <coppice/detail/list.hpp>
#include <coppice/detail/process.hpp>
#include <coppice/executor.hpp>
#include <coppice/exit_reason.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <utility>

namespace coppice::detail {

// A stage is a coroutine that was co_spawned once and plays one process after another: it waits
// parked, runs a body to its end, and parks again. co_spawn is paid for once a stage, not once a
// process. A process that is killed takes its stage along.
//
// This is the one place that knows a process body to be an asio::awaitable.
class COPPICE_API runner : public list_hook {
 public:
  runner(scheduler& s, const void* k) noexcept : home{s}, kind{k} {}
  virtual ~runner();

  // Resumes the parked coroutine; it runs up to the first wait of the body.
  virtual void resume() = 0;
  // Destroys the parked coroutine, and with it this.
  virtual void discard() noexcept = 0;

  // The frames of the coroutine are gone.
  void frames_gone() noexcept;
  // The coroutine has come to rest, between two processes.
  void parked() noexcept;
  void ended_by(const exit_exception& e) noexcept { outcome = e.reason(); }
  void ended_by(std::exception_ptr e) noexcept { outcome = exit_reason::error(std::move(e)); }
  void ended_by(const boost::system::system_error& e, std::exception_ptr p) noexcept;
  void ended_by(const asio::multiple_exceptions& e, std::exception_ptr p) noexcept;

  scheduler& home;
  const void* kind;  // which type of runner it is
  std::atomic<process*> tenant{nullptr};
  std::atomic<std::uint64_t> number{0};  // of the tenant
  bool being_made = true;  // co_spawn is under way: copies of its executor stay tied to the stage
  body_ptr what;
  exit_reason outcome;
  asio::cancellation_signal signal;
};

template <class Executor>
class typed_body : public body {
 public:
  using body::body;
  virtual asio::awaitable<void, Executor> call(process& p) = 0;
  void launch(process& p) final;
};

template <class Executor>
class typed_runner final : public runner {
 public:
  static constexpr char tag{};

  explicit typed_runner(scheduler& s) : runner{s, &tag} {}
  ~typed_runner() override = default;

  // Creates one, parked.
  static runner& make(scheduler& s) {
    auto owner = std::make_unique<typed_runner>(s);
    typed_runner& self = *owner;
    const Executor ex{executor{self}};
    asio::awaitable<void, Executor> main = loop(self);
    asio::co_spawn(ex, std::move(main), at_end{self.signal.slot(), std::move(owner)});
    self.being_made = false;
    return self;
  }

  void resume() override {
    store_.take(true);
  }

  void discard() noexcept override {
    store_.take(false);
  }

 private:
  // co_spawn's completion handler: bears the cancellation slot, and is destroyed with the frames.
  struct at_end {
    using cancellation_slot_type = asio::cancellation_slot;

    at_end(asio::cancellation_slot s, std::unique_ptr<typed_runner> r) noexcept
        : slot{s}, self{std::move(r)} {}
    at_end(at_end&&) noexcept = default;
    ~at_end() {
      if (self) self.release()->frames_gone();
    }

    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
    void operator()(std::exception_ptr) const noexcept {}

    asio::cancellation_slot slot;
    std::unique_ptr<typed_runner> self;
  };

  // Keeps the handler of the parked coroutine, whose type only async_initiate knows.
  class handler_store {
   public:
    template <class Handler>
    void keep(Handler&& handler) {
      using type = std::decay_t<Handler>;
      static_assert(sizeof(type) <= sizeof(bytes_) && alignof(type) <= alignof(std::max_align_t));
      ::new (static_cast<void*>(bytes_)) type{std::forward<Handler>(handler)};
      move_out_ = [](void* from, bool run) {
        auto* stored = static_cast<type*>(from);
        type local{std::move(*stored)};
        stored->~type();
        if (run) std::move(local)();
      };
    }

    void take(bool run) { std::exchange(move_out_, nullptr)(bytes_, run); }

   private:
    alignas(std::max_align_t) std::byte bytes_[32];
    void (*move_out_)(void*, bool) = nullptr;
  };

  struct park {
    typed_runner* self;

    template <asio::completion_token_for<void()> Token>
    auto operator()(Token&& token) const {
      return asio::async_initiate<Token, void()>(
          [](auto&& handler, typed_runner* r) {
            r->store_.keep(std::forward<decltype(handler)>(handler));
            r->parked();
          },
          token, self);
    }
  };

  static asio::awaitable<void, Executor> loop(typed_runner& self) {
    for (;;) {
      co_await park{&self};
      // What the last body may have changed must not reach the next one.
      co_await asio::this_coro::reset_cancellation_state();
      co_await asio::this_coro::throw_if_cancelled(false);
      try {
        co_await static_cast<typed_body<Executor>&>(*self.what).call(*self.tenant.load());
      } catch (const exit_exception& e) {
        self.ended_by(e);
      } catch (const boost::system::system_error& e) {
        self.ended_by(e, std::current_exception());
      } catch (const asio::multiple_exceptions& e) {
        self.ended_by(e, std::current_exception());
      } catch (...) {
        self.ended_by(std::current_exception());
      }
    }
  }

  handler_store store_;
};

// Puts the process on a stage of that kind and lets it play.
COPPICE_API void play(process& p, body_ptr what, const void* kind, runner& (*make)(scheduler&));

template <class Executor>
void typed_body<Executor>::launch(process& p) {
  play(p, body_ptr{this}, &typed_runner<Executor>::tag, &typed_runner<Executor>::make);
}

}  // namespace coppice::detail
