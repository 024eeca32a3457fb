#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/body.hpp>
#include <coppice/detail/list.hpp>
#include <coppice/detail/run_queue.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>

#include <any>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>

namespace coppice::detail {

class scheduler;
class runner;
class supervisor_process;
class supervisor_request;

// Hears of the end of a process whose life it is tied to; called once, after everything of the
// process is gone. `tag` is what was given when the process was made.
class exit_watcher {
 public:
  virtual void child_exited(process& child, void* tag, exit_reason reason) = 0;

 protected:
  ~exit_watcher() = default;
};

// Hears what a starting process answers. Called at most once a process, before its exit is told.
class start_watcher {
 public:
  virtual void child_ready(void* tag, std::any info) = 0;

 protected:
  ~start_watcher() = default;
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

// What only some processes have.
struct COPPICE_API process_extras {
  process_extras() = default;
  process_extras(const process_extras&) = delete;
  process_extras& operator=(const process_extras&) = delete;
  ~process_extras();

  std::unordered_set<process*> links;
  list_hook subscriptions;  // monitors of this process
  std::shared_ptr<signal_trap> trap;
  list_hook early_requests;  // to a supervisor that has not run yet
  std::string label;
  std::string name;  // under which it is registered
};

// The control block of a process. Blocks are used again, numbers are not: whoever may outlive the
// process keeps the pair, and the pair is dead when the numbers differ. A block's memory stays for
// as long as the scheduler lives.
class process {
 public:
  enum class state : unsigned char {
    vacant,   // nobody's block
    unborn,   // spawned, has not run yet
    live,     // its body runs or waits
    dying,    // nothing of it runs any more; its children or frames are being taken down
  };

  // How urgently a process is asked to end. A stronger request is delivered even though a weaker
  // one was; an equal one is not, so that clean-up is not disturbed.
  enum class stop_level : unsigned char { none, exit_signal, supervisor };

  process(scheduler& s) noexcept : start_item{&process::start}, home{s} {}

  [[nodiscard]] pid id() noexcept { return {this, number.load(std::memory_order_relaxed)}; }
  [[nodiscard]] bool is(std::uint64_t n) const noexcept {
    return number.load(std::memory_order_relaxed) == n;
  }
  process_extras& more() {
    if (!extras) extras = std::make_unique<process_extras>();
    return *extras;
  }

  static void start(run_item* item, run_item::how how);

  struct sibling_tag;
  struct table_tag;
  struct member_hook : list_hook {
    process* owner = nullptr;
  };

  run_item start_item;
  scheduler& home;
  // Read by executors on other threads, hence atomic; written on the loop's thread only. 0: vacant.
  std::atomic<std::uint64_t> number{0};
  state now = state::vacant;
  stop_level asked = stop_level::none;      // the strongest request so far
  stop_level delivered = stop_level::none;  // the strongest that its body was told
  bool kill_due = false;                    // killed while it runs: as soon as it comes to rest
  bool exit_due = false;                    // ends with `reason` as soon as it comes to rest
  bool stop_due = false;                    // to be told to stop as soon as it comes to rest
  bool probing = false;                     // told to stop, unknown yet whether it may miss that
  bool hit = false;                         // ... though one wait at least was cancelled
  bool acknowledged = false;                // its body says by itself when it is up
  bool answered = false;                    // ... and has said so
  bool ignored = false;                     // ... or has asked not to be started
  bool reason_set = false;                  // `reason` holds what it was asked to end with
  std::uint32_t queued = 0;                 // function objects of it in the run queue

  runner* stage = nullptr;  // what its body runs on
  body_ptr what;            // until it is staged
  exit_watcher* watcher = nullptr;
  start_watcher* starter = nullptr;
  void* tag = nullptr;
  process* parent = nullptr;  // the supervisor it is tied to: ends after it, never before
  pid spawner;
  list_hook children;      // of tie
  member_hook tie;         // in the parent's children
  member_hook table;       // in the scheduler's table, or its list of the dying
  list_hook waits;         // coppice's own waits of this process
  supervisor_process* supervisor = nullptr;  // if its body is one
  std::unique_ptr<process_extras> extras;
  exit_reason reason;
  std::int64_t dying_since = 0;
};

}  // namespace coppice::detail
