#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/runtime/behaviour.hpp>
#include <coppice/detail/runtime/body.hpp>
#include <coppice/detail/runtime/process_life.hpp>
#include <coppice/detail/runtime/run_queue.hpp>
#include <coppice/detail/runtime/stop_request.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/system/error_code.hpp>

#include <any>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

namespace coppice {

namespace detail {

class scheduler;
class wait_canceller;

// Hears of a process that is tied to its supervisor. `tag` is what was given when it was made.
class process_watcher {
 public:
  // The process says that it is up. Called at most once, before its exit is told, and only if its
  // body takes part in the start handshake.
  virtual void child_ready(void* tag, std::any info) = 0;
  // Called once, after everything of the process is gone.
  virtual void child_exited(process& child, void* tag, const exit_reason& reason) = 0;
  // What the process is called if it has not said otherwise.
  [[nodiscard]] virtual std::string_view label_of(void* tag) const noexcept = 0;

 protected:
  ~process_watcher() = default;
};

// Takes the exit signals that would otherwise stop the process.
class signal_trap {
 public:
  // False if the trap is not open any more: the signal then acts as if there were none.
  virtual bool exit_signal(const pid& from, const exit_reason& reason) = 0;

 protected:
  ~signal_trap() = default;
};

// One monitor of one process. In the list of the process until it fires.
class exit_subscription : public list_hook {
 public:
  virtual void fire(const pid& process, const exit_reason& reason) = 0;

 protected:
  ~exit_subscription() = default;
};

// Something that is to vanish with a process, before anybody hears of its death. Not deleted by that:
// dropping it is.
class registration : public list_hook {
 public:
  registration() noexcept = default;
  virtual ~registration() = default;
  virtual void drop() noexcept = 0;
};

// A request to a behaviour that the process may still get. In the list of the process until then.
class early_request : public list_hook {
 public:
  // There will be none. The request may be gone when this returns.
  virtual void refuse(boost::system::error_code why) noexcept = 0;

 protected:
  ~early_request() = default;
};

// What only some processes have.
struct COPPICE_API process_extras {
  process_extras() = default;
  process_extras(const process_extras&) = delete;
  process_extras& operator=(const process_extras&) = delete;
  ~process_extras();
  void refuse_early_requests(boost::system::error_code why) noexcept;

  list_hook children;  // tied to this, which ends after them
  std::shared_ptr<detail::behaviour> behaviour;
  std::unordered_set<process*> links;
  list_hook registrations;  // in registries
  list_hook subscriptions;  // monitors of this process
  std::shared_ptr<signal_trap> trap;
  list_hook early_requests;
  std::string label;
  std::string name;  // under which it is registered
  std::vector<pid> callers;  // on whose behalf it works, the nearest first
};

// How to resume a runner that is parked between two processes, or to destroy it. The type of its
// handler, which is one pointer wide, is known to async_initiate alone.
struct runner_type {
  const void* body_kind;  // the kind of bodies that it runs
  void (*take)(void* handler, bool run);

  template <class Handler>
  static void take_as(void* from, bool run) {
    auto* stored = static_cast<Handler*>(from);
    Handler local{std::move(*stored)};
    stored->~Handler();
    if (run) std::move(local)();
  }
};

// A process: one slot of the table of processes. Slots are used again, numbers are not: whoever may
// outlive the process keeps the pair, and the pair is dead when the numbers differ. The memory of a
// slot stays for as long as the scheduler lives, and so does, from one process to the next, the
// coroutine that runs their bodies (runner.hpp).
//
// As a run item it is its own start, or one of a stack of free slots; as a list hook it is a child of
// the supervisor it is tied to. It is kept small: there may be a million of them.
class process : public run_item, public list_hook {
 public:
  explicit process(scheduler& s) noexcept
      : run_item{&process::start}, home{s}, outermost{nullptr} {}

  [[nodiscard]] pid id() noexcept { return {this, number.load(std::memory_order_relaxed)}; }
  [[nodiscard]] bool is(std::uint64_t n) const noexcept {
    return number.load(std::memory_order_relaxed) == n;
  }
  process_extras& more() {
    if (!extras) extras = std::make_unique<process_extras>();
    return *extras;
  }
  // The supervisor it is tied to, which ends after it and never before.
  [[nodiscard]] process* parent() noexcept { return list_hook::empty() ? nullptr : spawner.get(); }
  [[nodiscard]] std::string_view label() const noexcept {
    if (extras && !extras->label.empty()) return extras->label;
    return watcher != nullptr ? watcher->label_of(tag) : std::string_view{};
  }
  // Null of one that is no more than a coroutine.
  [[nodiscard]] detail::behaviour* behaviour() const noexcept {
    return extras ? extras->behaviour.get() : nullptr;
  }
  [[nodiscard]] bool traps_exits() const noexcept {
    return extras && (extras->trap || (extras->behaviour && extras->behaviour->traps_exits()));
  }

  static void start(run_item* item, run_item::how how);

  template <const char* body_kind, class Handler>
  void park(Handler&& handler) {
    using type = std::decay_t<Handler>;
    static_assert(sizeof(type) <= sizeof parked && alignof(type) <= alignof(void*));
    static constexpr runner_type kind{body_kind, &runner_type::take_as<type>};
    ::new (static_cast<void*>(parked)) type{std::forward<Handler>(handler)};
    runner = &kind;
  }
  void resume_parked() { runner->take(parked, true); }
  void discard_parked() { runner->take(parked, false); }

  scheduler& home;
  // Read by executors on other threads, hence atomic; written on the loop's thread only. 0: vacant.
  std::atomic<std::uint64_t> number{0};
  process_life life;
  // Its runner is being made: copies of the executor stay tied to the slot. Other threads read it, as
  // they read the number, so it must not share a byte with anything else.
  bool opening = false;
  stop_request stop;
  bool acknowledges : 1 = false;       // its body says by itself when it is up
  bool answered : 1 = false;           // ... and has said so
  bool ignored : 1 = false;            // ... or has asked not to be started
  bool exit_reason_final : 1 = false;  // `reason` is what it ends with if its body returns
  std::uint32_t queued = 0;            // function objects of it in the run queue
  std::uint32_t woken = 0;             // waits of it in the run queue

  const runner_type* runner = nullptr;  // null: the slot has none
  union {
    std::byte parked[sizeof(void*)];  // the handler of its runner, between two processes
    void* outermost;                  // frame of a task
  };
  asio::cancellation_signal signal;
  wait_canceller* canceller = nullptr;  // of its latest wait, if that is still in its slot
  body_ptr what;
  process_watcher* watcher = nullptr;
  void* tag = nullptr;
  pid spawner;      // its supervisor, if it is tied to one
  list_hook waits;  // coppice's own waits of this process
  std::unique_ptr<process_extras> extras;
  exit_reason reason;
};

}  // namespace detail

inline detail::process* pid::get() const noexcept {
  return slot_ != nullptr && slot_->is(number_) ? slot_ : nullptr;
}

}  // namespace coppice
