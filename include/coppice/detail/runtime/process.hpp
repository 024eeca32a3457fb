#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/base/timer_queue.hpp>
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
#include <span>
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

// The supervisor's side of a process that is tied to it. `tag` is the pointer that was given at the
// spawn.
class process_watcher {
 public:
  // The process has acknowledged its start. Called at most once, before its exit is told, and only
  // if its body takes part in the start handshake.
  virtual void child_ready(void* tag, std::any info) noexcept = 0;
  // Called once, after everything of the process is gone.
  virtual void child_exited(process& child, void* tag, const exit_reason& reason) noexcept = 0;
  // Gives the label of a process that has not set one.
  [[nodiscard]] virtual std::string_view label_of(void* tag) const noexcept = 0;
  // Tells how often the process has taken the place of one that had ended.
  [[nodiscard]] virtual std::size_t restarts_of(void*) const noexcept { return 0; }

 protected:
  ~process_watcher() = default;
};

// Takes the exit signals that would otherwise stop the process.
class signal_trap {
 public:
  // Returns false if the trap is closed. The signal then acts as if there were no trap. If it
  // throws, the process ends for that.
  virtual bool exit_signal(const pid& from, const exit_reason& reason) = 0;

 protected:
  ~signal_trap() = default;
};

// One monitor of one process. It is in a list of the process until it fires.
class exit_subscription : public list_hook {
 public:
  // Whoever has no memory for the news ends for that.
  virtual void fire(const pid& process, const exit_reason& reason) noexcept = 0;

 protected:
  ~exit_subscription() = default;
};

// An entry in a registry that vanishes with its process, before anybody hears of the end. The
// scheduler calls `drop`, which decides whether the object is deleted.
class registration : public list_hook {
 public:
  registration() noexcept = default;
  virtual ~registration() = default;
  virtual void drop() noexcept = 0;
};

// A request to a behaviour that the process does not have yet. It is in a list of the process until
// the behaviour takes it.
class early_request : public list_hook {
 public:
  // There will be no such behaviour. The request may be gone when this returns.
  virtual void refuse(boost::system::error_code why) noexcept = 0;

 protected:
  ~early_request() = default;
};

// Ends a process that makes no progress for longer than `limit`. Its timer finds that out; progress
// is only noted, which moves no timer.
struct progress_watch : timer_node {
  progress_watch(process& p, duration l) noexcept;

  process& of;
  const duration limit;
  time_point since{};     // its latest progress
  bool by_message = false;  // it is a server, whose progress is to begin with another message
};

// The cold part of a process, made on demand: most processes have no name, link or monitor.
struct COPPICE_API process_extras {
  process_extras() = default;
  process_extras(const process_extras&) = delete;
  process_extras& operator=(const process_extras&) = delete;
  ~process_extras();
  void refuse_early_requests(boost::system::error_code why) noexcept;

  list_hook children;  // processes that are tied to this one, which ends after them
  std::shared_ptr<detail::behaviour> behaviour;
  std::unordered_set<process*> links;
  list_hook registrations;  // entries in registries
  list_hook subscriptions;  // monitors of this process
  std::shared_ptr<signal_trap> trap;
  list_hook early_requests;
  std::string label;
  std::atomic<bool> changes_label{false};  // a signal handler must not read it now
  std::string name;                        // the name that it has registered; empty if none
  std::vector<pid> callers;  // the processes on whose behalf it works, the nearest first
  std::unique_ptr<progress_watch> watch;
};

// The type of a runner, erased: resumes or destroys a runner that is parked between two processes.
// Only async_initiate knows the type of its handler, which is one pointer wide.
struct runner_type {
  const void* body_kind;  // the kind of bodies that it runs
  void (*take)(void* handler, bool run);
  // Gives the frames of a suspended body, the innermost first, as far as there is room; `outermost`
  // is that of the process. Null if Asio does not tell them.
  std::size_t (*frames)(const void* outermost, std::span<void*> room);
  // Lets the next waits of such a body fail, as long as its coroutines say nothing else, or no
  // more; gives what was so before. Null if Asio has no way to.
  bool (*let_waits_fail)(void* outermost, bool fail);

  template <class Handler>
  static void take_as(void* from, bool run) {
    auto* stored = static_cast<Handler*>(from);
    Handler local{std::move(*stored)};
    if constexpr (requires { local.entry_point(); }) {
      // The room of the handler notes the coroutine that it resumes, see `process::outermost`. That
      // handler is one of Asio's, which has nothing left to destroy once it was moved from.
      ::new (from) void*{local.entry_point()};
    } else {
      stored->~Handler();
    }
    if (run) std::move(local)();
  }
};

// A process: one slot of the table of processes. Slots are used again, numbers are not: an object
// that may outlive the process, such as a pid, keeps both, and is dead when the numbers differ. The
// memory of a slot stays for as long as the scheduler lives, and from one process to the next so
// does the coroutine that runs their bodies (runner.hpp).
//
// The base class run_item is the start of the process in the run queue, or links free slots into a
// stack; the base class list_hook makes it a child of the supervisor to which it is tied. The class
// is kept small, since there may be a million processes.
class process : public run_item, public list_hook {
 public:
  explicit process(scheduler& s) noexcept
      : run_item{&process::start}, home{s}, outermost{nullptr} {}

  [[nodiscard]] pid id() noexcept {
    return access::make<pid>(this, number.load(std::memory_order_relaxed));
  }
  [[nodiscard]] bool is(std::uint64_t n) const noexcept {
    return number.load(std::memory_order_relaxed) == n;
  }
  process_extras& more() {
    if (!extras) {
      auto made = std::make_unique<process_extras>();
      // A signal handler may look for the label: there are none, or whole ones.
      std::atomic_signal_fence(std::memory_order_release);
      extras = std::move(made);
    }
    return *extras;
  }
  // The supervisor to which the process is tied, which ends after it and never before; null if
  // none.
  [[nodiscard]] process* parent() noexcept {
    return list_hook::empty() ? nullptr : access::slot(spawner);
  }
  [[nodiscard]] std::string_view label() const noexcept {
    if (extras && !extras->label.empty()) return extras->label;
    return watcher != nullptr ? watcher->label_of(tag) : std::string_view{};
  }
  void set_label(std::string_view label);
  [[nodiscard]] bool changes_label() const noexcept {
    return extras && extras->changes_label.load(std::memory_order_relaxed);
  }
  // Null if the process is no more than a coroutine.
  [[nodiscard]] detail::behaviour* behaviour() const noexcept {
    return extras ? extras->behaviour.get() : nullptr;
  }
  [[nodiscard]] bool traps_exits() const noexcept {
    return extras && (extras->trap || (extras->behaviour && extras->behaviour->traps_exits()));
  }

  // The process lives, and no end or stop request of it waits for its next suspension.
  [[nodiscard]] bool has_nothing_pending() const noexcept {
    return life.is_live() && life.pending() == process_life::pending_end::none &&
           !stop.is_deferred();
  }

  // The slot is about to be free: what belonged to its process is set back.
  void forget_process() noexcept {
    stop = {};
    acknowledges = answered = ignored = exit_reason_final = waits_here = watched = unlisted =
        waits_made_fail = false;
    queued = woken = 0;
    spawner = {};
    reason = {};
  }

  COPPICE_API static void start(run_item* item, run_item::how how);

  template <const char* body_kind, decltype(runner_type::frames) frames,
            decltype(runner_type::let_waits_fail) let_waits_fail, class Handler>
  void park(Handler&& handler) {
    using type = std::decay_t<Handler>;
    static_assert(sizeof(type) <= sizeof parked && alignof(type) <= alignof(void*));
    static constexpr runner_type kind{body_kind, &runner_type::take_as<type>, frames,
                                      let_waits_fail};
    ::new (static_cast<void*>(parked)) type{std::forward<Handler>(handler)};
    runner = &kind;
  }
  void resume_parked() { runner->take(parked, true); }
  void discard_parked() { runner->take(parked, false); }

  scheduler& home;
  // The number is atomic because executors on other threads read it; it is written on the loop's
  // thread only. 0: the slot is vacant.
  std::atomic<std::uint64_t> number{0};
  process_life life;
  // Set while the runner of the slot is being made: copies of the executor stay tied to the slot
  // then. Other threads read the flag, as they read the number, so it must not share a byte with
  // others.
  bool opening = false;
  stop_request stop;
  bool acknowledges : 1 = false;       // its body takes part in the start handshake
  bool answered : 1 = false;           // it has acknowledged its start
  bool ignored : 1 = false;            // it has answered `ignore`
  bool exit_reason_final : 1 = false;  // `reason` stands if the body returns
  // Its body is a task, and nothing of Asio's has ever had its executor: whatever it waits for is
  // in `waits`, and no completion of it can be on its way through the io_context.
  bool waits_here : 1 = false;
  bool watched : 1 = false;  // whatever it completes is progress, and is noted
  bool unlisted : 1 = false;  // its frames are awaited, and it is not among `exiting_`
  bool waits_made_fail : 1 = false;  // by its runner, see `runner_type::let_waits_fail`
  std::uint32_t queued = 0;            // the number of its function objects in the run queue
  std::uint32_t woken = 0;             // the number of its waits in the run queue

  const runner_type* runner = nullptr;  // null: the slot has no runner
  union {
    std::byte parked[sizeof(void*)];  // the handler of its runner, between two processes
    void* outermost;  // the outermost frame of a body that is an awaitable, if Asio says which
    // The task that waits innermost, if the body is one; null while it runs. It is a
    // task_promise_base.
    void* innermost;
  };
  // The scheduler's rough time at which it ran last.
  std::uint32_t ran_at = 0;
  // The run of an application that it belongs to, as whoever has spawned it does. 0: to none.
  std::uint32_t application = 0;
  asio::cancellation_signal signal;
  // The canceller of its latest wait, as long as it lies in a cancellation slot.
  wait_canceller* canceller = nullptr;
  body_ptr what;
  process_watcher* watcher = nullptr;
  void* tag = nullptr;
  pid spawner;      // the process that has spawned it; the supervisor to which it is tied, if any
  list_hook waits;  // coppice's own waits of this process
  std::unique_ptr<process_extras> extras;
  exit_reason reason;
};

}  // namespace detail

inline detail::process* pid::get() const noexcept {
  return slot_ != nullptr && slot_->is(number_) ? slot_ : nullptr;
}

}  // namespace coppice
