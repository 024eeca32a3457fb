#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/executor.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

// What tasks consist of: promises, which form a chain from the task that waits for something up to
// the one that nobody awaits, and awaiters for whatever a task may await.

namespace coppice {

template <class T>
class task;

namespace detail {

class task_promise_base;
class turn_awaiter;

// Where one task awaits another: in the frame of the former, which owns that of the latter.
class awaited_task {
 public:
  explicit awaited_task(std::coroutine_handle<> f) noexcept : frame_{f} {}
  awaited_task(const awaited_task&) = delete;
  awaited_task& operator=(const awaited_task&) = delete;
  ~awaited_task() {
    if (frame_) frame_.destroy();
  }

  task_promise_base* parent = nullptr;  // that awaits
  [[nodiscard]] std::coroutine_handle<> frame() const noexcept { return frame_; }
  // The frame is destroyed by somebody else.
  void release() noexcept { frame_ = nullptr; }

 private:
  std::coroutine_handle<> frame_;
};

// Runs a chain of tasks that is not the body of a process: for a coroutine of another kind that waits
// for it within one.
class COPPICE_API task_root {
 public:
  explicit task_root(asio::cancellation_slot s) noexcept : slot_{s} {}
  task_root(const task_root&) = delete;
  task_root& operator=(const task_root&) = delete;

  // The outermost task has come to its end.
  virtual void over() noexcept = 0;
  // Destroys the whole chain, and whoever waits for it.
  virtual void drop() noexcept = 0;

  // What cancels the operations of the chain, one after another.
  [[nodiscard]] asio::cancellation_slot slot() const noexcept { return slot_; }
  // The chain waits for one of coppice's own.
  void listen(waiter& w);
  void has_waited() noexcept { waiting_ = nullptr; }
  // ... or for a turn.
  void listen(turn_awaiter& t);
  void had_turn() noexcept { turn_ = nullptr; }

 protected:
  ~task_root();

 private:
  // What lies in the slot meanwhile. Either may go first.
  class relay {
   public:
    explicit relay(task_root& r) noexcept : to_{&r} { r.relay_ = this; }
    relay(const relay&) = delete;
    relay& operator=(const relay&) = delete;
    ~relay() {
      if (to_ != nullptr) to_->relay_ = nullptr;
    }
    void operator()(asio::cancellation_type type) const noexcept;
    void forget() noexcept { to_ = nullptr; }

   private:
    task_root* to_;
  };

  void put_relay();

  asio::cancellation_slot slot_;
  waiter* waiting_ = nullptr;
  turn_awaiter* turn_ = nullptr;
  relay* relay_ = nullptr;
};

class COPPICE_API task_promise_base {
 public:
  static void* operator new(std::size_t size) { return allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { deallocate(frame, size); }

  task_promise_base() noexcept = default;
  task_promise_base(const task_promise_base&) = delete;
  task_promise_base& operator=(const task_promise_base&) = delete;

  static std::suspend_always initial_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }

  struct at_end {
    static bool await_ready() noexcept { return false; }
    template <class Promise>
    static void await_suspend(std::coroutine_handle<Promise> h) noexcept {
      task_promise_base& p = h.promise();
      if (p.awaiter != nullptr) {
        p.self->home.go_on_with(p.awaiter->parent->frame);
      } else {
        p.over();
      }
    }
    static void await_resume() noexcept {}
  };
  static at_end final_suspend() noexcept { return {}; }

  // Goes on with this task, and with whoever goes on after it.
  void resume() { self->home.run_tasks(frame); }
  // Destroys the whole chain of which this is the end, which waits. The frames are destroyed one by
  // one, innermost first: nested in each other, deep chains would use up the stack of the thread.
  void drop() noexcept;
  // The same as its process, when nothing of it and of no other process is on the stack.
  void drop_at_rest() noexcept;

  // What cancels what it waits for.
  [[nodiscard]] asio::cancellation_slot slot() const noexcept {
    return root != nullptr ? root->slot() : self->signal.slot();
  }

  std::coroutine_handle<> frame;    // of this
  awaited_task* awaiter = nullptr;  // null: nobody awaits it
  process* self = nullptr;              // as whom it runs
  task_root* root = nullptr;            // null: as the body of that
  std::exception_ptr error;

  // What may be awaited.

  template <class T>
  auto await_transform(task<T> t) noexcept;
  template <class Op>
    requires requires { typename std::decay_t<Op>::wait_type; }
  auto await_transform(Op&& op);
  template <class Op>
    requires(!requires { typename std::decay_t<Op>::wait_type; }) &&
            asio::is_async_operation<Op>::value
  auto await_transform(Op&& op);
  template <class T, class Executor>
  auto await_transform(asio::awaitable<T, Executor> a);
  auto await_transform(asio::this_coro::executor_t) const noexcept;

 protected:
  ~task_promise_base() = default;

 private:
  void over() noexcept;
};

template <class T>
class task_promise final : public task_promise_base {
 public:
  task<T> get_return_object() noexcept;
  template <std::convertible_to<T> U = T>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() { return std::move(*value_); }

 private:
  std::optional<T> value_;
};

template <>
class task_promise<void> final : public task_promise_base {
 public:
  task<void> get_return_object() noexcept;
  static void return_void() noexcept {}
  static void take() noexcept {}
};

// What an operation completes with, until it is taken.
template <class Signature>
struct completion;

template <class... Args>
struct completion<void(Args...)> {
  std::optional<std::tuple<std::decay_t<Args>...>> values;

  template <class... Given>
  void emplace(Given&&... given) {
    values.emplace(std::forward<Given>(given)...);
  }
  auto take() {
    return std::apply([](auto&... all) { return pick(all...); }, *values);
  }

 private:
  static void pick() noexcept {}
  template <class First, class... Rest>
  static auto pick(First& first, Rest&... rest) {
    if constexpr (std::is_same_v<First, boost::system::error_code>) {
      if (first) throw boost::system::system_error{first};
      return values_of(rest...);
    } else if constexpr (std::is_same_v<First, std::exception_ptr>) {
      if (first) std::rethrow_exception(first);
      return values_of(rest...);
    } else {
      return values_of(first, rest...);
    }
  }
  static void values_of() noexcept {}
  template <class T>
  static T values_of(T& value) {
    return std::move(value);
  }
  template <class T, class U, class... More>
  static std::tuple<T, U, More...> values_of(T& first, U& second, More&... more) {
    return {std::move(first), std::move(second), std::move(more)...};
  }
};

template <>
struct completion<void(boost::system::error_code)> {
  boost::system::error_code error;

  void emplace(boost::system::error_code e) noexcept { error = e; }
  void take() const {
    if (error) throw boost::system::system_error{error};
  }
};

template <class Signature>
struct receiver {
  template <class... Args>
  void operator()(Args&&... args) const {
    result->emplace(std::forward<Args>(args)...);
  }
  completion<Signature>* result;
};

template <class T>
class task_awaiter : public awaited_task {
 public:
  explicit task_awaiter(task<T> t) noexcept : awaited_task{t.release()} {}
  static bool await_ready() noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> h) noexcept {
    task_promise_base& mine = h.promise();
    task_promise_base& next = promise();
    parent = &mine;
    next.awaiter = this;
    next.self = mine.self;
    next.root = mine.root;
    mine.self->home.go_on_with(next.frame);
  }
  T await_resume() {
    task_promise<T>& p = promise();
    if (p.error) std::rethrow_exception(std::move(p.error));
    return p.take();
  }

 private:
  [[nodiscard]] task_promise<T>& promise() const noexcept {
    return std::coroutine_handle<task_promise<T>>::from_address(frame().address()).promise();
  }
};

// One of coppice's own operations: nothing is allocated, the wait is part of the frame.
template <class Signature, class State>
class native_awaiter final : public waiter {
 public:
  native_awaiter(State&& state, task_promise_base& p)
      : waiter{state.home(), &act_on}, state_{std::forward<State>(state)}, promise_{p} {}
  ~native_awaiter() = default;

  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) {
    attach(promise_.self);
    if (promise_.root == nullptr) {
      listen_for_stop();
    } else {
      promise_.root->listen(*this);
    }
    state_.begin(*this);
  }
  auto await_resume() {
    completion<Signature> result;
    if (aborted()) {
      state_.deliver_abort(receiver<Signature>{&result});
    } else {
      state_.deliver(receiver<Signature>{&result});
    }
    return result.take();
  }

 private:
  static void act_on(run_item* item, how h) {
    auto& self = *static_cast<native_awaiter*>(item);
    self.left_queue();
    if (h == how::run) {
      self.run();
    } else {
      self.state_.leave();
      self.promise_.drop();  // and with it this
    }
  }

  void run() {
    if (!aborted() && !state_.ready()) return;
    state_.leave();
    list_hook::unlink();
    if (promise_.root != nullptr) promise_.root->has_waited();
    promise_.resume();
  }

  State state_;  // or a reference to it
  task_promise_base& promise_;
};

// Lets others have a turn. In the run queue, and nowhere else.
class COPPICE_API turn_awaiter final : public owned_item {
 public:
  explicit turn_awaiter(task_promise_base& p) noexcept : owned_item{&act_on}, promise_{p} {}
  turn_awaiter(const turn_awaiter&) = delete;
  turn_awaiter& operator=(const turn_awaiter&) = delete;

  void abort() noexcept {
    stopped_ = true;
    if (owner->is(number)) owner->hit = true;
  }

  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) {
    process& p = *promise_.self;
    owner = &p;
    number = p.number.load(std::memory_order_relaxed);
    if (promise_.root == nullptr) {
      p.yielding = 1;
    } else {
      promise_.root->listen(*this);
    }
    p.home.push(*this);
  }
  void await_resume() const {
    if (stopped_) throw boost::system::system_error{asio::error::operation_aborted};
  }

 private:
  static void act_on(run_item* item, how h);

  task_promise_base& promise_;
  bool stopped_ = false;
};

// Any other operation of Asio's kind.
template <class Signature, class Op>
class asio_awaiter {
 public:
  asio_awaiter(Op&& op, task_promise_base& p) : op_{std::forward<Op>(op)}, promise_{p} {}
  asio_awaiter(const asio_awaiter&) = delete;
  asio_awaiter& operator=(const asio_awaiter&) = delete;

  static bool await_ready() noexcept { return false; }
  bool await_suspend(std::coroutine_handle<>) {
    try {
      std::move(op_)(handler{*this});
    } catch (...) {
      promise_.slot().clear();  // of what would have cancelled it
      throw;
    }
    state found = state::initiating;
    if (now_.compare_exchange_strong(found, state::waiting)) return true;
    if (found == state::completed) return false;
    promise_.drop_at_rest();  // the tasks that await this one may still be on the stack
    return true;
  }
  auto await_resume() { return result_.take(); }

 private:
  enum class state : unsigned char { initiating, waiting, completed, dropped };

  // Whoever holds it holds the chain of frames: destroyed uncalled, it takes them along.
  class handler {
   public:
    using executor_type = executor;
    using cancellation_slot_type = asio::cancellation_slot;
    using allocator_type = pool_allocator<void>;

    explicit handler(asio_awaiter& a) noexcept : to_{&a} {}
    handler(handler&& other) noexcept : to_{std::exchange(other.to_, nullptr)} {}
    handler& operator=(handler&&) = delete;
    ~handler() {
      if (to_ != nullptr) to_->dropped();
    }

    template <class... Args>
    void operator()(Args&&... args) {
      to_->result_.emplace(std::forward<Args>(args)...);  // if it throws, this is dropped
      std::exchange(to_, nullptr)->completed();
    }

    [[nodiscard]] executor_type get_executor() const noexcept {
      process& p = *to_->promise_.self;
      return executor{p, p.number.load(std::memory_order_relaxed)};
    }
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
      return to_->promise_.slot();
    }
    [[nodiscard]] static allocator_type get_allocator() noexcept { return {}; }

   private:
    asio_awaiter* to_;
  };

  void completed() {
    promise_.slot().clear();
    if (now_.exchange(state::completed) == state::waiting) promise_.resume();
  }
  void dropped() noexcept {
    if (now_.exchange(state::dropped) == state::waiting) promise_.drop_at_rest();
  }

  Op op_;  // or a reference to it
  completion<Signature> result_;
  task_promise_base& promise_;
  std::atomic<state> now_ = state::initiating;  // a handler may be dropped on any thread
};

// The same for an awaitable that gives a value.
template <class Signature, class Op>
class awaitable_awaiter final : public asio_awaiter<Signature, Op> {
 public:
  using asio_awaiter<Signature, Op>::asio_awaiter;
  auto await_resume() { return *asio_awaiter<Signature, Op>::await_resume(); }
};

// An operation of coppice's that may belong to another io_context, whose thread may be another: it
// has another kind of wait then.
template <class Op>
class either_awaiter {
 public:
  either_awaiter(Op& op, task_promise_base& p) noexcept : op_{op}, promise_{p} {}
  either_awaiter(const either_awaiter&) = delete;
  either_awaiter& operator=(const either_awaiter&) = delete;

  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    if (scheduler& mine = promise_.self->home; op_.belongs_to(mine)) {
      local_.emplace(op_.to_wait(), promise_).await_suspend(h);
    } else {
      remote_ = std::make_unique<remote>(op_.to_remote_wait(mine), promise_);
      remote_->await_suspend(h);
    }
  }
  auto await_resume() { return local_ ? local_->await_resume() : remote_->await_resume(); }

 private:
  using local = native_awaiter<typename Op::signature, typename Op::wait_type>;
  using remote = native_awaiter<typename Op::signature, typename Op::remote_wait_type>;

  Op& op_;
  task_promise_base& promise_;
  std::optional<local> local_;
  std::unique_ptr<remote> remote_;
};

// An awaitable as it behaves in a body that is one: after a request to stop its awaits work as
// always. Its result need not be default constructible, which co_spawn asks for.
template <class Executor>
asio::awaitable<void, Executor> as_in_body(asio::awaitable<void, Executor> a) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await std::move(a);
}
template <class T, class Executor>
asio::awaitable<std::optional<T>, Executor> as_in_body(asio::awaitable<T, Executor> a) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_return co_await std::move(a);
}

struct executor_awaiter {
  executor ex;
  static bool await_ready() noexcept { return true; }
  static void await_suspend(std::coroutine_handle<>) noexcept {}
  [[nodiscard]] executor await_resume() const noexcept { return ex; }
};

template <class T>
auto task_promise_base::await_transform(task<T> t) noexcept {
  return task_awaiter<T>{std::move(t)};
}

template <class Op>
  requires requires { typename std::decay_t<Op>::wait_type; }
auto task_promise_base::await_transform(Op&& op) {
  using wait = decltype(std::forward<Op>(op).to_wait());
  if constexpr (requires { std::decay_t<wait>::is_turn; }) {
    return turn_awaiter{*this};
  } else if constexpr (requires { op.belongs_to(self->home); }) {
    return either_awaiter<std::remove_reference_t<Op>>{op, *this};
  } else {
    return native_awaiter<typename std::decay_t<Op>::signature, wait>{
        std::forward<Op>(op).to_wait(), *this};
  }
}

template <class Op>
  requires(!requires { typename std::decay_t<Op>::wait_type; }) &&
          asio::is_async_operation<Op>::value
auto task_promise_base::await_transform(Op&& op) {
  using signature = asio::completion_signature_of_t<Op>;
  using type = std::decay_t<Op>;
  if constexpr (std::is_lvalue_reference_v<Op>) {
    return asio_awaiter<signature, type>{type{op}, *this};
  } else {
    return asio_awaiter<signature, type&>{op, *this};
  }
}

template <class T, class Executor>
auto task_promise_base::await_transform(asio::awaitable<T, Executor> a) {
  const executor ex{*self, self->number.load(std::memory_order_relaxed)};
  auto op = asio::co_spawn(Executor{ex}, as_in_body(std::move(a)), asio::deferred);
  using op_type = decltype(op);
  using signature = asio::completion_signature_of_t<op_type>;
  if constexpr (std::is_void_v<T>) {
    return asio_awaiter<signature, op_type>{std::move(op), *this};
  } else {
    return awaitable_awaiter<signature, op_type>{std::move(op), *this};
  }
}

inline auto task_promise_base::await_transform(asio::this_coro::executor_t) const noexcept {
  return executor_awaiter{executor{*self, self->number.load(std::memory_order_relaxed)}};
}

}  // namespace detail

}  // namespace coppice
