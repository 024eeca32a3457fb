#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/runtime/body.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/supervisor/refusal.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/time_limit.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice {

class shutdown;
enum class unfinished_tasks : unsigned char;

namespace detail {

class task_core;

// Tasks as in Elixir: a process that is started for its result. The owner holds a task_core, and
// the process holds it too and puts the result there. (The coroutine type coppice::task is another
// thing.)

// Hears of one task. A task has at most one listener.
class task_listener {
 public:
  // Called once, when it is known whether there is a result or will never be one.
  virtual void task_settled(task_core&) noexcept {}
  // Called once, when nothing of the process is left: after task_settled, or alone if the task had
  // settled before the listener came.
  virtual void task_over(task_core&) noexcept {}

 protected:
  ~task_listener() = default;
};

// The part that a task and its owner share, whatever the type of the result. The owner's handle,
// the operations that wait for the task and the body of the task hold it by a reference count,
// which is touched on the loop's thread only.
//
// A task is in one of four states:
//   unstarted  a supervisor has been asked to start it
//   running    its process exists
//   replied    the result is there
//   over       the process has ended, or was never started; `reason` tells why
// Independently of these, `taken` tells that the owner has got the outcome, or has given it up.
class COPPICE_API task_core : public exit_subscription {
 public:
  enum class link_mode : bool { none, link };

  task_core(scheduler& s, const pid& o, link_mode t) noexcept : home{s}, owner{o}, link{t} {}
  task_core(const task_core&) = delete;
  task_core& operator=(const task_core&) = delete;

  // Throws std::logic_error unless the owner runs.
  void check_owner() const;

  [[nodiscard]] bool replied() const noexcept { return replied_; }
  [[nodiscard]] bool over() const noexcept { return over_; }
  [[nodiscard]] bool taken() const noexcept { return taken_; }
  [[nodiscard]] bool settled() const noexcept { return replied_ || over_ || taken_; }
  // Gives the error for `await`; there is none if there is a result.
  [[nodiscard]] boost::system::error_code error() const noexcept;

  // Gives up the outcome: the task is not watched any more, and a result is thrown away.
  void forget(exit_reason why) noexcept;
  // Removes the link to the owner, and an exit signal that has already arrived through it.
  void unlink_owner();
  // Cancels the start. Returns false if the task has already started.
  bool cancel_start() noexcept;
  void ask(const exit_reason& reason) noexcept;
  void kill() noexcept;

  // These are called when something happens to the task.
  void reply_is_there() noexcept;
  void fire(const pid& process, const exit_reason& reason) noexcept final;
  // A supervisor has refused to start the task. `unheard` is reported unless the owner looks at it.
  void refuse(boost::system::error_code ec, exit_reason why,
              std::unique_ptr<refusal> unheard) noexcept;
  // Drops the report of a refusal: somebody has looked at the refusal.
  void heard() noexcept { unheard_.reset(); }
  void born(process& p);

  scheduler& home;
  const pid owner;
  link_mode link;
  pid task;            // empty until it starts
  exit_reason reason;  // valid once it is over, or given up by its owner
  task_listener* listener = nullptr;

 protected:
  virtual ~task_core();
  void set_taken() noexcept { taken_ = true; }

 private:
  friend void intrusive_ptr_add_ref(task_core* c) noexcept { ++c->references_; }
  friend void intrusive_ptr_release(task_core* c) noexcept {
    if (--c->references_ == 0) delete c;
  }
  virtual void drop_value() noexcept = 0;

  std::uint32_t references_ = 0;
  bool replied_ = false;
  bool over_ = false;
  bool taken_ = false;
  bool called_off_ = false;
  boost::system::error_code refusal_;  // the error with which its supervisor refused it
  std::unique_ptr<refusal> unheard_;
};

using task_ptr = boost::intrusive_ptr<task_core>;

// The origin of a task, which its process keeps.
struct COPPICE_API task_origin {
  task_ptr core;  // null if nobody wants the result
  std::vector<pid> callers;
  std::string label;

  void prepare(process& p) const;
};

// Gives the callers of a task that `caller` starts: itself, and the callers that it has itself, up
// to a limit. Null gives none.
COPPICE_API std::vector<pid> callers_through(process* caller);

COPPICE_API pid spawn_task(scheduler& s, body_ptr what);
COPPICE_API void spawn_task_in(const process_ref& supervisor, body_ptr what, std::string label,
                               const shutdown& how, task_ptr core);
// Notes that the body of a task has thrown. Called while the exception is being handled.
COPPICE_API void task_threw(process& p) noexcept;

// The waits for tasks, as far as they do not depend on the type of the result.

// Waits until one task has settled.
struct COPPICE_API task_wait : task_listener {
  static constexpr wait_kind kind = wait_kind::task;

  task_wait(task_ptr c, time_limit l) noexcept : core{std::move(c)}, limit{l} {}

  [[nodiscard]] scheduler& home() const noexcept { return core->home; }
  void arm(waiter& w);
  [[nodiscard]] bool poll() const noexcept {
    return already_awaited || core->settled() || timer.has_expired();
  }
  void disarm() noexcept;
  void task_settled(task_core&) noexcept override;
  // Gives the error, if there is no result to take. A task that is late is forgotten.
  [[nodiscard]] boost::system::error_code outcome() noexcept;

  task_ptr core;
  time_limit limit;
  wake_timer timer{};
  waiter* target = nullptr;
  bool already_awaited = false;  // the task has another listener already, so this wait fails
};

// Ends a task, and waits until it is gone. If the caller stops waiting before that, the task is
// killed: nobody else would kill a task that does not obey.
struct COPPICE_API task_shutdown_wait : task_listener {
  static constexpr wait_kind kind = wait_kind::task;

  task_shutdown_wait(task_ptr c, const shutdown& how);

  [[nodiscard]] scheduler& home() const noexcept { return core->home; }
  void arm(waiter& w);
  [[nodiscard]] bool poll();
  void disarm() noexcept;
  void task_over(task_core&) noexcept override;
  // Tells whether the task ended as it was told to, and has no result.
  [[nodiscard]] bool obeyed() const noexcept;

  task_ptr core;
  time_limit budget = infinity;  // the time to obey
  bool brutal;
  wake_timer timer{};
  waiter* target = nullptr;
  bool already_awaited = false;
  bool start_cancelled = false;  // its start was cancelled
  bool asked = false;
  bool killed = false;
};

// Waits for several tasks to settle: for all, for a number of them, or for the first that fails.
struct COPPICE_API task_group_wait : task_listener {
  static constexpr wait_kind kind = wait_kind::task;

  task_group_wait(scheduler& s, std::vector<task_ptr> c, time_limit l) noexcept
      : home_{&s}, cores{std::move(c)}, limit{l}, wanted{cores.size()} {}

  [[nodiscard]] scheduler& home() const noexcept { return *home_; }
  void arm(waiter& w);
  [[nodiscard]] bool poll();
  void disarm() noexcept;
  void task_settled(task_core& c) noexcept override;
  void task_over(task_core& c) noexcept override;

  [[nodiscard]] std::size_t settled() const noexcept { return cores.size() - open; }
  [[nodiscard]] bool timed_out() const noexcept {
    return timer.has_expired() && settled() < wanted;
  }
  // For await_many: gives the error if not all have a result. All are forgotten then.
  [[nodiscard]] boost::system::error_code outcome() noexcept;
  // For yield_many: tells whether that task has a result to give. If not, it is dealt with as the
  // options say.
  [[nodiscard]] bool tells(std::size_t i);

  scheduler* home_;
  std::vector<task_ptr> cores;
  time_limit limit;
  std::size_t wanted;  // the number of settled tasks to wait for
  bool stop_at_failure = false;
  unfinished_tasks on_timeout{};
  wake_timer timer{};
  waiter* target = nullptr;
  std::size_t open = 0;      // how many have not settled
  task_ptr failed{};         // the first that has failed
  std::vector<bool> late{};  // which ones were killed when the time was over; empty until then
  std::size_t dying = 0;     // how many of these are not gone yet
  bool already_awaited = false;
};

}  // namespace detail

}  // namespace coppice
