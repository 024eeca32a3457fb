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

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice {

class shutdown;
enum class unfinished_tasks : unsigned char;

namespace detail {

class task_core;

// Hears of one task.
class task_listener {
 public:
  // Whether there is a result, or will never be one, is known from now on. Told once.
  virtual void task_settled(task_core&) noexcept {}
  // Nothing of the task is left. Told once, after the other, or alone if that was known before.
  virtual void task_over(task_core&) noexcept {}

 protected:
  ~task_listener() = default;
};

// What a task and its owner share, whatever the result is. Held by the owner's handle, by the
// operations that wait for the task and by the body of the task; counted, on the loop's thread
// only.
//
// States: unstarted (a supervisor has been asked to), running, replied (the result is there), over
// (the process is gone, or has never been: `reason` says why). `taken` lies across them: the owner
// has got the outcome, or does not want it any more.
class COPPICE_API task_core : public exit_subscription {
 public:
  enum class tie : bool { none, link };

  task_core(scheduler& s, const pid& o, tie t) noexcept : home{s}, owner{o}, link{t} {}
  task_core(const task_core&) = delete;
  task_core& operator=(const task_core&) = delete;

  // Throws std::logic_error unless the owner runs.
  void check_owner() const;

  [[nodiscard]] bool replied() const noexcept { return replied_; }
  [[nodiscard]] bool over() const noexcept { return over_; }
  [[nodiscard]] bool taken() const noexcept { return taken_; }
  [[nodiscard]] bool settled() const noexcept { return replied_ || over_ || taken_; }
  // What await answers: no error if there is a result.
  [[nodiscard]] boost::system::error_code error() const noexcept;

  // The outcome, if any, is of no interest any more: not watched, and thrown away when it comes.
  void forget(exit_reason why) noexcept;
  // No signal comes through the link any more, nor does one wait.
  void unlink_owner();
  // Not to be started, if it has not been yet. False if it has.
  bool call_off() noexcept;
  void ask(const exit_reason& reason);
  void kill();

  // What becomes of the task.
  void reply_is_there() noexcept;
  void fire(const pid& process, const exit_reason& reason) final;
  // `unheard` is told if its owner does not come to hear of it.
  void refuse(boost::system::error_code ec, exit_reason why,
              std::unique_ptr<refusal> unheard) noexcept;
  // Somebody has heard of that.
  void heard() noexcept { unheard_.reset(); }
  void born(process& p);

  scheduler& home;
  const pid owner;
  tie link;
  pid task;            // empty until it starts
  exit_reason reason;  // once it is over; or why it was forgotten
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
  boost::system::error_code refusal_;  // of the supervisor that was to start it
  std::unique_ptr<refusal> unheard_;
};

using task_ptr = boost::intrusive_ptr<task_core>;

// What the process of a task is to know of its origin.
struct COPPICE_API task_origin {
  task_ptr core;  // null: nobody wants the result
  std::vector<pid> callers;
  std::string label;

  void prepare(process& p) const;
};

// The process that calls, as the origin of a task; throws std::logic_error if there must be one.
COPPICE_API std::vector<pid> callers_through(process* caller);

COPPICE_API pid spawn_task(scheduler& s, body_ptr what);
COPPICE_API void spawn_task_in(const process_ref& supervisor, body_ptr what, std::string label,
                               const shutdown& how, task_ptr core);
// The body of a task has thrown; while the exception is being handled.
COPPICE_API void task_threw(process& p) noexcept;

// ---- Waiting for tasks

// For one to settle.
struct COPPICE_API task_wait : task_listener {
  task_wait(task_ptr c, std::optional<duration> l) noexcept : core{std::move(c)}, limit{l} {}

  [[nodiscard]] scheduler& home() const noexcept { return core->home; }
  void arm(waiter& w);
  [[nodiscard]] bool poll() const noexcept { return busy || core->settled() || timer.has_expired(); }
  void disarm() noexcept;
  void task_settled(task_core&) noexcept override;
  // What is wrong, if there is no result to take. A task that is late is forgotten.
  [[nodiscard]] boost::system::error_code outcome() noexcept;

  task_ptr core;
  std::optional<duration> limit;
  wake_timer timer{};
  waiter* target = nullptr;
  bool busy = false;  // somebody else waits for it already
};

// For one to be gone, which it is made to be. A task that is not waited for to the end is killed:
// nobody would, otherwise, if it does not obey.
struct COPPICE_API task_shutdown_wait : task_listener {
  task_shutdown_wait(task_ptr c, const shutdown& how);

  [[nodiscard]] scheduler& home() const noexcept { return core->home; }
  void arm(waiter& w);
  [[nodiscard]] bool poll();
  void disarm() noexcept;
  void task_over(task_core&) noexcept override;
  // Whether it ended as it was made to, with nothing to tell.
  [[nodiscard]] bool obeyed() const noexcept;

  task_ptr core;
  std::optional<duration> budget;  // none: unlimited
  bool brutal;
  wake_timer timer{};
  waiter* target = nullptr;
  bool busy = false;
  bool called_off = false;  // before it had started
  bool asked = false;
  bool killed = false;
};

// For several to settle: all of them, so many, or the first that fails.
struct COPPICE_API task_group_wait : task_listener {
  task_group_wait(scheduler& s, std::vector<task_ptr> c, std::optional<duration> l) noexcept
      : home_{&s}, cores{std::move(c)}, limit{l}, enough{cores.size()} {}

  [[nodiscard]] scheduler& home() const noexcept { return *home_; }
  void arm(waiter& w);
  [[nodiscard]] bool poll();
  void disarm() noexcept;
  void task_settled(task_core& c) noexcept override;
  void task_over(task_core& c) noexcept override;

  [[nodiscard]] std::size_t settled() const noexcept { return cores.size() - open; }
  [[nodiscard]] bool timed_out() const noexcept { return timer.has_expired() && settled() < enough; }
  // Of await_many: what is wrong, if not all have a result. Then all are forgotten.
  [[nodiscard]] boost::system::error_code outcome() noexcept;
  // Of yield_many: whether there is something to tell of that one. Deals with it if not.
  [[nodiscard]] bool tells(std::size_t i);

  scheduler* home_;
  std::vector<task_ptr> cores;
  std::optional<duration> limit;
  std::size_t enough;  // settled ones, to be waited for
  bool stop_at_failure = false;
  unfinished_tasks on_timeout{};
  wake_timer timer{};
  waiter* target = nullptr;
  std::size_t open = 0;      // not settled
  task_ptr failed{};         // the first that has
  std::vector<bool> late{};  // when the time is over, which are killed ...
  std::size_t dying = 0;     // ... and how many of them are not gone yet
  bool busy = false;
};

}  // namespace detail

}  // namespace coppice
