#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/base/loop_thread.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/base/move_only_function.hpp>
#include <coppice/detail/base/report_outlet.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/runtime/loop_progress.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/process_table.hpp>
#include <coppice/detail/runtime/run_queue.hpp>
#include <coppice/pid.hpp>
#include <coppice/report.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice {
class executor;
}

namespace coppice::detail {

class waiter;

// The scheduler of an io_context's processes: it has the table of processes, the run queue, the
// timers. There is one per io_context, made on first use. It is used on the one thread that runs
// the io_context; functions that may be called on other threads say so.
//
// The queue is drained in turns. A turn is a handler of the io_context: it is posted because there
// is work, or it is the completion of an operation. After so many items it lets other handlers run.
class COPPICE_API scheduler final : public boost::asio::execution_context::service {
 public:
  using key_type = scheduler;
  static boost::asio::execution_context::id id;

  explicit scheduler(boost::asio::execution_context& context);
  ~scheduler() override;

  static scheduler& of(boost::asio::io_context& io);
  // Finds it for a function that only the loop's thread may call. Throws as `check_thread` does.
  static scheduler& of(boost::asio::io_context& io, const char* function);
  // The scheduler whose work runs on this thread right now, or null. Any thread.
  static scheduler* active() noexcept;

  [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }
  [[nodiscard]] process* current() noexcept { return current_; }
  // The process whose frames are being destroyed now. None of the frames is on the stack.
  [[nodiscard]] process* dropping() noexcept { return dropping_; }
  // Tells whether the kill of that process is being emitted right now, which Asio sends through its
  // executor to coroutines that it has spawned: such work must run, and not be dropped.
  [[nodiscard]] bool relays_kill(const process& p) noexcept;
  [[nodiscard]] bool on_loop_thread() noexcept;
  // Tells whether the calling thread may touch this: it runs the loop, or no thread does.
  [[nodiscard]] bool is_open_to_caller() const noexcept { return thread_.is_open_to_caller(); }
  [[nodiscard]] const loop_thread& thread() const noexcept { return thread_; }
  [[nodiscard]] loop_progress& progress() noexcept { return progress_; }
  // Throws std::logic_error, which names the function of the interface, if the thread may not.
  void check_thread(const char* function) const {
    if (active() != this && !is_open_to_caller()) refuse_thread(function);
  }

  // References may outlive the io_context: they keep the serial number, which is never used again.
  [[nodiscard]] std::uint64_t serial() const noexcept { return serial_; }
  // The scheduler with that number, or null if its io_context is gone. On a thread other than the
  // loop's the io_context may go at any time after that.
  static scheduler* find(std::uint64_t serial) noexcept;
  // Tells whether the caller is in that scheduler's loop; whether it may act as if. Any thread.
  static bool runs_here(std::uint64_t serial) noexcept;
  static bool is_callers(std::uint64_t serial) noexcept;
  // Posts `f` to the io_context of that scheduler. Returns false if that is gone. Any thread.
  static bool post(std::uint64_t serial, move_only_function f);
  static bool post_work(std::uint64_t serial, std::shared_ptr<posted_work> w) noexcept;
  // Posts `f` to the io_context of this scheduler.
  void post(move_only_function f);

  // Processes.
  struct spawn_args {
    body_ptr&& what;
    std::string_view label = {};
    process* parent = nullptr;  // ties the process to this one
    process_watcher* watcher = nullptr;
    void* tag = nullptr;
    bool low_priority = false;  // see `run_queue`
  };
  process& spawn(const spawn_args& b);  // if it throws, there is no process
  void ask_to_stop(process& p, exit_reason reason, stop_request::level level) noexcept;
  void ask_part_to_stop(process& p) noexcept;  // see process_part
  [[nodiscard]] bool fails_wait(process& p) noexcept;  // of Asio's, which begins; see stop_request
  // These may need memory, or call code of the user's: an exception out of that ends the process.
  void signal(process& p, const pid& from, const exit_reason& reason,
              stop_request::level level) noexcept;
  // Ends a process in order: its behaviour does so, or else it is asked to stop.
  void stop(process& p, const exit_reason& reason) noexcept;
  void kill(process& p) noexcept;
  [[nodiscard]] bool takes_signals(const process& p) const noexcept;
  // Ends a process without another step of it. `at_rest`: none of its frames is on the stack, so
  // that they can be destroyed on the spot.
  void begin_exit(process& p, exit_reason reason, bool at_rest = false) noexcept;
  // Ends a process that runs, when it suspends.
  void exit_on_suspend(process& p, exit_reason reason) noexcept;
  // Ends a process for the exception that is being handled.
  void crash(process& p) noexcept;
  // The same when it suspends: code of the process threw while coppice worked on its behalf.
  void fail(process& p) noexcept;
  void link(process& a, process& b);
  void unlink(process& a, process& b) noexcept;
  void acknowledge(process& p, std::any info) noexcept;
  // Ends the process as hung when it makes no progress for longer than that.
  void watch_progress(process& p, duration limit);
  void note_progress(process& p) noexcept;
  void check_progress(progress_watch& w) noexcept;  // called by its timer
  void doubt_progress(process& p, int turns) noexcept;
  // Notes progress in the middle of a step, or that it comes too late, after the limit.
  void checkpoint(process& p);
  // Tells the links and monitors of a process that it has ended. `was` is the pid that it had. A
  // watcher may call this from `child_exited`, if they are to be told before it goes on.
  void tell_others(process& p, const pid& was) noexcept {
    if (p.extras) tell_all_of(p, was);
  }
  [[nodiscard]] std::vector<pid> processes();

  // Names.
  [[nodiscard]] name_table& names() noexcept { return names_; }
  [[nodiscard]] pid whereis(std::string_view name) const noexcept;

  // Work.
  void push(run_item& item, const process* owner) noexcept {
    if (owner != nullptr && owner == current_) {
      queue_.push_own(item);
    } else {
      queue_.push(item);
    }
    see_to_queue();
  }
  // Tells whether an operation that has its result already may complete where the process begins
  // it, without suspending: the process runs, nothing asks it to end or to stop, and it has not
  // done so too often in this turn of its own.
  [[nodiscard]] bool may_complete_at_once(const process& p) const noexcept {
    return current_ == &p && p.has_nothing_pending() && stops_.empty() &&
           completed_at_once_ < most_at_once;
  }
  // Lets `f` run as that process, within the turn of the current one. What f throws ends it.
  template <class F>
  void run_as(process& p, F f) {
    const std::uint64_t number = p.number.load(std::memory_order_relaxed);
    // The outer process is current again when that is over.
    process* const before = std::exchange(current_, &p);
    if (p.watched) note_progress(p);
    try {
      f();
    } catch (...) {
      if (p.is(number)) crash(p);
    }
    current_ = before;
    p.ran_at = rough_time_;
    if (before != &p && p.is(number)) on_suspend(p);
  }
  void complete_at_once() noexcept { ++completed_at_once_; }  // counts such completions
  // Lets another order than the run queue's decide what runs next. It has to outlive the scheduler,
  // and says by `look_again` that what it holds back may run now.
  void set_order(work_order* order) noexcept;
  [[nodiscard]] bool keeps_own_order() const noexcept { return order_ == nullptr; }
  void look_again() noexcept { see_to_queue(); }
  // Gives the process that runs, if that coroutine is the outermost one of its body; or null.
  [[nodiscard]] process* body_behind(const void* outermost) const noexcept {
    return current_ != nullptr && current_->outermost == outermost ? current_ : nullptr;
  }
  void note_enqueued(process& p) noexcept;  // a function object for p was queued
  // Tells whether work for that process that arrives on the loop's thread may be done at once: no
  // work of coppice's runs there, and none is to go before it.
  [[nodiscard]] bool may_run_inline(process& p) const noexcept;
  // Does such work in a turn of its own, which drains the queue as well. Returns false, and does
  // nothing, if another thread is in a turn.
  [[nodiscard]] bool run_inline(owned_item& item);
  // Throws in a second thread that runs the io_context.
  [[noreturn]] static void refuse_second_thread();

  // Runners.
  void runner_parked(process& p) noexcept;
  void runner_gone(process& p) noexcept;

  // Tasks. A task that awaits another, or ends, names the frame that goes on and returns to this
  // loop, which resumes that frame. So a chain of tasks may be deeper than the stack of the thread
  // allows, and the compiler need not turn resumptions into tail calls.
  void go_on_with(std::coroutine_handle<> frame) noexcept { *next_task_ = frame; }
  void run_tasks(std::coroutine_handle<> frame) {
    std::coroutine_handle<> next;
    std::coroutine_handle<>* const outer = std::exchange(next_task_, &next);
    while (frame) {
      next = nullptr;
      frame.resume();
      frame = next;
    }
    next_task_ = outer;
  }

  // Waits that belong to no process, and objects that are told when the io_context goes.
  [[nodiscard]] list_hook& foreign_waits() noexcept { return foreign_waits_; }
  [[nodiscard]] list_hook& members() noexcept { return members_; }
  // Refusals that are reported unless a caller takes notice of them first.
  [[nodiscard]] list_hook& unheard() noexcept { return unheard_; }

  // Time.
  [[nodiscard]] time_point now() noexcept;
  // Gives how long ago the process ran last, in milliseconds, a few of them off.
  [[nodiscard]] std::uint32_t rested_for(const process& p) const noexcept {
    return read_rough_time() - p.ran_at;
  }
  void set_timer(timer_node& node, time_point when);  // throws std::bad_alloc; it is not set then
  [[nodiscard]] time_point time_of(const timer_node& node) const noexcept {
    return timers_.when(node);
  }
  void cancel_timer(timer_node& node) noexcept { timers_.cancel(node); }
  void set_loose_timer(loose_timer& timer, time_point when);  // nothing if there is no process
  void take_over_time();
  [[nodiscard]] bool is_moved_by_hand() const noexcept { return manual_; }
  // Gives the next time at which a timer is due, if there is one. For manual time.
  [[nodiscard]] std::optional<time_point> next_timer() const noexcept;
  void move_time_to(time_point when);

  [[nodiscard]] report_outlet& reports() noexcept { return reports_; }
  [[nodiscard]] bool listened_to() const noexcept { return reports_.open(); }
  void tell(const report& r) noexcept { reports_.tell(r); }

  [[nodiscard]] bool is_down() const noexcept { return down_; }
  void set_abandon_after(duration d) noexcept { abandon_after_ = d; }

 private:
  friend class process;
  friend class coppice::executor;

  static scheduler& find(boost::asio::io_context& io);
  void shutdown() noexcept override;
  [[noreturn]] static void refuse_thread(const char* function);

  void see_to_queue() noexcept {
    if (!in_turn_ && !drain_posted_) post_drain();
  }
  void post_drain() noexcept;
  class occupied;
  class turn;
  template <class First>
  void take_turn(First first);
  template <class First>
  bool try_turn(First& first);
  void turn_over() noexcept;
  void drain();
  void drain_in_order();
  void perform(run_item& item);
  void perform_owned(owned_item& item);
  void perform_without_process(owned_item& item);
  void begin(process& p);
  void hang(process& p) noexcept;
  void on_suspend(process& p) noexcept {
    if (p.life.pending() != process_life::pending_end::none || p.stop.is_deferred())
      deliver_pending(p);
  }
  void deliver_pending(process& p) noexcept;
  void post_stop(process& p) noexcept;
  void deliver_stops() noexcept;
  void emit_stop(process& p) noexcept;
  void see_to_failing_waits(process& p) noexcept;
  void request_is_over(process& p) noexcept;
  void post_fence() noexcept;

  void take_back(process& p) noexcept;
  void body_ended(process& p) noexcept;
  void tear_down(process& p, bool at_rest = false) noexcept;
  void destroy_frames(process& p, bool at_rest) noexcept;
  void wait_for_frames(process& p) noexcept;
  void give_up_names(process_extras& x) noexcept;
  void announce_exit(process& p) noexcept;
  void tell_all_of(process& p, const pid& was) noexcept;
  void report_crash(process& p) noexcept;
  void give_up_waiting() noexcept;
  void give_up_loose_timers() noexcept;
  void arm() noexcept;
  void fire_due();
  [[nodiscard]] std::uint32_t read_rough_time() const noexcept;

  process& acquire_slot(const void* kind);
  void release_slot(process& p) noexcept;
  void destroy_surplus();

  boost::asio::io_context& io_;
  std::uint64_t serial_ = 0;
  loop_thread thread_;
  loop_progress progress_;
  run_queue queue_;
  work_order* order_ = nullptr;
  bool drain_posted_ = false;
  bool in_turn_ = false;  // inside a turn, which drains the queue or posts another turn at its end
  bool down_ = false;
  bool manual_ = false;
  process* current_ = nullptr;
  process* dropping_ = nullptr;
  process* killing_ = nullptr;
  static constexpr int most_at_once = 32;
  int completed_at_once_ = 0;  // the number of operations since the item that is performed began
  std::coroutine_handle<>* next_task_ = nullptr;
  bool relayed_ = false;

  process_slots slots_;
  free_slot_lists free_slots_;
  process* to_destroy_ = nullptr;  // free slots whose runners are to be destroyed
  std::deque<exiting_process> exiting_;
  std::optional<time_point> unlisted_exit_;  // the latest for which there was no memory in the list
  list_hook foreign_waits_;
  list_hook members_;
  list_hook unheard_;
  name_table names_;
  std::size_t alive_ = 0;
  std::uint64_t last_number_ = 0;
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;

  process_list stops_;
  process_list unconfirmed_;
  // Handlers that must not be lost for want of memory are posted from here, one each at a time.
  reserved_room room_of_drain_, room_of_stops_, room_of_fence_, room_of_alarm_;

  timer_queue timers_{timer_queue::with_room_t::with_room};
  list_hook loose_timers_;
  boost::asio::steady_timer alarm_;
  time_point alarm_at_ = time_point::max();
  time_point turn_time_{};
  bool alarm_failed_ = false;  // for want of memory; each turn tries again
  bool turn_time_valid_ = false;
  std::uint32_t rough_time_ = 0;  // of the turn, in milliseconds of the clock
  timer_node abandon_timer_;
  duration abandon_after_ = std::chrono::seconds{1};

  report_outlet reports_;
};

}  // namespace coppice::detail
