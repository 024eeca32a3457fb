#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/runtime/run_queue.hpp>
#include <coppice/pid.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace coppice {

namespace detail {
class process;
class scheduler;
struct access;
}  // namespace detail

/// The executor of one process: what runs through it runs as that process, and only while it lives.
///
/// `co_await asio::this_coro::executor` inside a process body is one. Function objects run one
/// after another on the loop's thread, with `self()` being the process: at once if the io_context
/// calls, as it does with completions, or that process itself; through the scheduler's run queue
/// otherwise. What arrives for a process that has ended is destroyed instead of run; this is how a
/// process is killed, and it never runs as somebody else.
///
/// Coroutines that a process begins on its executor by `asio::co_spawn(..., asio::detached)` are
/// not processes: what they wait for in Asio is not cancelled by the end of the process, and they
/// are destroyed when that wait ends. Those that wait for coppice go with the process. `spawn_link`
/// starts what is to end together.
///
/// Sixteen bytes, so that `asio::any_io_executor` holds it without allocating.
///
/// @par Thread safety
/// Safe: an operation may complete on any thread.
/// @par Origin
/// Asio's executor requirements, with `blocking.possibly` (runs inline as said above, never inside
/// another process) and `blocking.never`. Keeps no count of outstanding work: a living process is
/// work.
class COPPICE_API executor {
 public:
  executor(const executor& other) noexcept : target_{other.target_}, number_{other.number_} {
    if (is_slot()) settle();
  }
  executor(executor&& other) noexcept = default;
  executor& operator=(const executor& other) noexcept {
    executor copy{other};
    target_ = copy.target_;
    number_ = copy.number_;
    return *this;
  }
  ~executor() = default;

  /// The process that function objects run as.
  [[nodiscard]] pid owner() const noexcept;

  /// The io_context of the process.
  [[nodiscard]] asio::execution_context& query(asio::execution::context_t) const noexcept;

  /// What Asio asks of any executor.
  static constexpr asio::execution::outstanding_work_t query(
      asio::execution::outstanding_work_t) noexcept {
    return asio::execution::outstanding_work.untracked;
  }

  /// The same.
  [[nodiscard]] asio::execution::blocking_t query(asio::execution::blocking_t) const noexcept {
    if (never_blocks()) return asio::execution::blocking.never;
    return asio::execution::blocking.possibly;
  }

  /// The executor that never runs a function object at once, or the one that may.
  [[nodiscard]] executor require(asio::execution::blocking_t::never_t) const noexcept {
    executor result{*this};
    result.target_ |= never_bit;
    return result;
  }

  /// The same.
  [[nodiscard]] executor require(asio::execution::blocking_t::possibly_t) const noexcept {
    executor result{*this};
    result.target_ &= ~never_bit;
    return result;
  }

  /// Runs `f` as the process, now or later.
  template <class F>
  void execute(F&& f) const {
    const executor settled{*this};
    switch (settled.where()) {
      case place::here: {
        std::decay_t<F> local{std::forward<F>(f)};
        std::move(local)();
        break;
      }
      case place::at_once: {
        visitor<std::decay_t<F>> item{std::forward<F>(f)};
        if (settled.run_inline(item)) break;
        settled.send(*new function_item<std::decay_t<F>>{std::move(item.function)});
        break;
      }
      case place::queue:
        try {
          settled.push(*new function_item<std::decay_t<F>>{std::forward<F>(f)});
        } catch (...) {
          // A process that has no room for a completion of its own ends for that; what would have
          // gone on is destroyed. One that posts something to itself hears of it.
          if (settled.is_caller()) throw;
          const dropping d{settled};
          [[maybe_unused]] std::decay_t<F> local{std::forward<F>(f)};
        }
        break;
      case place::other_thread:
        settled.send(*new function_item<std::decay_t<F>>{std::forward<F>(f)});
        break;
      case place::nowhere: {
        // Moved out before it is destroyed, as running it would do.
        [[maybe_unused]] std::decay_t<F> local{std::forward<F>(f)};
        break;
      }
    }
  }

  friend bool operator==(const executor& a, const executor& b) noexcept {
    const executor x{a};
    const executor y{b};
    return x.target_ == y.target_ && x.number_ == y.number_;
  }

 private:
  friend struct detail::access;

  executor(detail::process& p, std::uint64_t number) noexcept
      : target_{reinterpret_cast<std::uintptr_t>(&p)}, number_{number} {}

  // Copies belong to the process that has the slot then.
  static executor of_slot(detail::process& p) noexcept {
    executor result{p, 0};
    result.target_ |= slot_bit;
    return result;
  }

  // The slot, or null if the process has ended.
  [[nodiscard]] detail::process* get() const noexcept;

  enum class place { here, at_once, queue, other_thread, nowhere };

  template <class F>
  struct function_item final : detail::owned_item, detail::pooled {
    template <class G>
    explicit function_item(G&& g) : owned_item{&act_on}, function{std::forward<G>(g)} {}

    static void act_on(detail::run_item* base, how h) {
      auto* self = static_cast<function_item*>(base);
      left_queue(*self);
      F local{std::move(self->function)};
      delete self;
      if (h == how::run) std::move(local)();
    }

    F function;
  };

  // A function object that runs at once and is never queued, so it may lie on the stack.
  template <class F>
  struct visitor final : detail::owned_item {
    template <class G>
    explicit visitor(G&& g) : owned_item{&act_on}, function{std::forward<G>(g)} {}

    static void act_on(detail::run_item* base, how h) {
      F local{std::move(static_cast<visitor*>(base)->function)};
      if (h == how::run) std::move(local)();
    }

    F function;
  };

  static constexpr std::uintptr_t never_bit = 1;
  // Only the one executor that the runner of a slot keeps has this bit: a copy of it stands for the
  // process of that moment. If there is none, the copy has number 0, and runs nothing.
  static constexpr std::uintptr_t slot_bit = 2;
  static constexpr std::uintptr_t bits = never_bit | slot_bit;

  [[nodiscard]] bool never_blocks() const noexcept { return (target_ & never_bit) != 0; }
  [[nodiscard]] bool is_slot() const noexcept { return (target_ & slot_bit) != 0; }
  [[nodiscard]] detail::process* slot() const noexcept {
    return reinterpret_cast<detail::process*>(target_ & ~bits);
  }
  void settle() noexcept;
  [[nodiscard]] place where() const noexcept;
  [[nodiscard]] bool is_caller() const noexcept;

  // Ends the process for the exception that is being handled, and lets function objects of it be
  // destroyed.
  class COPPICE_API dropping {
   public:
    explicit dropping(const executor& ex) noexcept;
    dropping(const dropping&) = delete;
    dropping& operator=(const dropping&) = delete;
    ~dropping();

   private:
    detail::scheduler& at_;
    detail::process* current_;
    detail::process* dropping_;
  };

  [[nodiscard]] bool run_inline(detail::owned_item& item) const;
  void push(detail::owned_item& item) const noexcept;
  static void left_queue(detail::owned_item& item) noexcept;
  void send(detail::owned_item& item) const;

  std::uintptr_t target_;
  std::uint64_t number_;
};

}  // namespace coppice
