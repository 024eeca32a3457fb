#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/supervision/child_table.hpp>
#include <coppice/detail/supervision/restart_window.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/supervisor_end.hpp>
#include <coppice/time_limit.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::detail {

// An event that waits in the inbox, and is no child's own.
struct supervision_event final : inbox_place, pooled {
  void* call = nullptr;
  std::unique_ptr<const std::string> id{};
  std::uint64_t number = 0;
  exit_reason reason{};
};

/// The decisions of a supervisor, and nothing else: events go in, actions come out.
///
/// The class has no executor, timer or coroutine, and no clock: the caller of `next` gives the
/// time. The supervisor process carries the actions out, one at a time. All events that come while
/// one is under way wait in the inbox, in order, as messages wait for an OTP supervisor; the exit
/// of a child that is being stopped is taken out of turn, as OTP does.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
/// @par Origin
/// OTP's supervisor (`supervisor:handle_info/2`, `do_restart`, `restart_multiple_children`,
/// `terminate_children`) and Elixir's DynamicSupervisor.
class COPPICE_API supervision {
 public:
  using clock = std::chrono::steady_clock;

  using child = supervised_child;
  using child_state = detail::child_state;

  using cause = supervisor_end::cause;

  /// The shutdown time of a worker whose spec does not give one.
  static constexpr std::chrono::seconds default_shutdown{5};

  enum class result : unsigned char {
    ok,
    ignored,
    not_found,
    already_started,
    already_present,
    running,
    restarting,
    start_failed,
    max_children,
  };

  struct action {
    enum class kind_type : unsigned char {
      start,      ///< Start `subject`; answer with `started`, `ignored` or `start_failed`.
      stop,       ///< Ask `subject` to end, with shutdown; `ended` will follow.
      kill,       ///< Kill `subject`; `ended` will follow.
      forget,     ///< `subject` is not known any more and may be destroyed.
      booted,     ///< The static children are up.
      reply,      ///< Answer `call` with `answer`; `reason` says why a start failed.
      serve,      ///< It is the turn of `call`, which was queued by `queue()`.
      finished,   ///< Everything is stopped: end with `reason`. Nothing follows.

      // These actions are for reports only.
      failed_to_start,
      has_ended,
      stopped_badly,
      exhausted,
      held_back,
      recovered,
    };
    enum class next_type : unsigned char { none, restart, give_up, shut_down, drop, park };

    kind_type kind;
    child* subject = nullptr;
    void* call = nullptr;
    result answer = result::ok;
    next_type next = next_type::none;
    clock::duration pause{};  ///< Before the next start; zero if it comes at once, or not at all.
    /// The child that is asked to stop is killed then, because the whole stop has to be over in
    /// time; its own shutdown is not told.
    clock::time_point until = end_of_time;
    exit_reason reason{};
  };

  struct options {
    coppice::strategy strategy = strategy::one_for_one;
    std::size_t intensity = 3;
    clock::duration period = std::chrono::seconds{5};
    coppice::auto_shutdown automatic = auto_shutdown::never;
    /// Dynamic children are not found by id, are forgotten when they have ended, and are stopped
    /// side by side. simple_one_for_one implies it.
    bool dynamic = false;
    std::size_t max_children = static_cast<std::size_t>(-1);
  };

  explicit supervision(options o);
  supervision(const supervision&) = delete;
  supervision& operator=(const supervision&) = delete;
  ~supervision();

  /// Adds a static child behind the others. Called before `start()` only.
  void add_static(child& c);

  /// Says whether actions that are for reports only are wanted; they are by default.
  void set_reporting(bool wanted) noexcept { reporting_ = wanted; }

  // ---- Events

  void start();
  void started(child& c, std::uint64_t number);
  void ignored(child& c);
  void start_failed(child& c, const exit_reason& reason, clock::time_point now);
  /// The process of a running or stopping child has ended. Called once for each `started`.
  void ended(child& c, exit_reason reason);
  void stop(exit_reason reason) noexcept;
  /// The final stop is to be over by that time, and its time is split among the children; called
  /// before it begins or while it is under way. `needs` tells how long a child takes to stop that
  /// has no limit of its own.
  using needs_function = clock::duration(const child& c);
  void limit_stop(clock::time_point until, needs_function* needs);
  /// A gate of the child has opened, or closed. All of them are closed at first.
  void gate_opened(child& c);
  void gate_closed(child& c);

  // A driver may carry out on the spot what is decided most often, if nothing else is to be done
  // and one child alone is concerned. That costs no event, no action and no turn.

  /// The same event as `ended`. Gives what follows: `restart`, and the driver goes on with
  /// `restarted`, or with `restart_begun` if the child acknowledges its start; or `none`, and it
  /// goes on with `stays_down`. Gives nothing if that is to be decided in its turn; nothing has
  /// happened then: go on with `ended`.
  [[nodiscard]] std::optional<action::next_type> follows_now(const child& c,
                                                             const exit_reason& reason,
                                                             clock::time_point now);
  void restarted(child& c, std::uint64_t number);
  void restart_begun(child& c, clock::time_point now);
  /// @return True if the child is forgotten and may be destroyed.
  [[nodiscard]] bool stays_down(child& c);
  /// Tells whether a new child may be started now; the driver goes on with `added`. If not, go on
  /// with `add`.
  [[nodiscard]] bool adds_now(std::string_view id);
  void added(child& c, std::uint64_t number);

  // Calls are answered by an action `reply` or `serve` with the same `call`, in order of arrival.

  void add(child& c, void* call);
  void terminate(std::string_view id, void* call);
  void terminate(std::uint64_t number, void* call);
  void restart_child(std::string_view id, void* call);
  void erase(std::string_view id, void* call);
  void queue(void* call);
  /// Takes back what has been asked for by that call, and has not been looked at.
  void withdraw(const void* call) noexcept;

  // ---- Actions

  /// Gives the action to carry out now; none if the next event, or `deadline()`, has to come first.
  [[nodiscard]] std::optional<action> next(clock::time_point now);
  /// Gives the time at which to call `next` again even if no event has come.
  [[nodiscard]] std::optional<clock::time_point> deadline() const noexcept;

  // ---- State

  [[nodiscard]] child_table& children() noexcept { return children_; }
  [[nodiscard]] const child_table& children() const noexcept { return children_; }
  [[nodiscard]] cause why_finished() const noexcept { return cause_; }
  /// The number of children that ran when the final stop began, and of those that had to be killed.
  [[nodiscard]] std::size_t stopped_at_end() const noexcept { return stopped_at_end_; }
  [[nodiscard]] std::size_t killed_at_end() const noexcept { return killed_at_end_; }
  /// How long a stop that begins now takes at most by the children's own terms.
  [[nodiscard]] clock::duration time_to_stop(needs_function* needs);
  /// Tells what each child would get of a stop that has to be over within `whole`, in the order in
  /// which they would be asked, if each took all it may. `tell` takes the child and a time, which
  /// is duration::max() if it has no limit.
  template <class F>
  void plan_stop(clock::duration whole, needs_function* needs, F tell) {
    for (child* c = children_.last(); c != nullptr; c = children_.before(*c)) {
      if (!is_up(*c)) continue;
      const clock::duration share = share_of(*c, whole, needs);
      tell(*c, share);
      if (!options_.dynamic && whole != clock::duration::max()) whole -= share;
    }
  }
  /// Tells whether there is nothing to do until the next event comes.
  [[nodiscard]] bool is_idle() const noexcept {
    return job_.kind == job_kind::none && next_out_ == out_.size() && inbox_.empty() &&
           !stop_is_next_;
  }
  /// Tells whether all children are being stopped, for good.
  [[nodiscard]] bool shutting_down() const noexcept { return job_.kind == job_kind::shut_down; }
  /// Tells whether a child is being restarted alone.
  [[nodiscard]] bool restarting_one() const noexcept {
    return job_.kind == job_kind::restart_one;
  }
  /// Tells whether static children are still being started for the first time.
  [[nodiscard]] bool booting() const noexcept { return job_.kind == job_kind::boot; }

 private:
  using event = supervision_event;
  using event_type = inbox_place::event_type;

  enum class job_kind : unsigned char {
    none,
    boot,          // starts every static child in order
    restart_one,   // starts subject again
    stop_group,    // stops the group of subject in reverse order
    start_group,   // starts that group in order
    add,           // starts a child for start_child
    restart_call,  // starts subject for restart_child
    terminate,     // stops subject for terminate_child
    shut_down,     // stops every child, in reverse order or side by side
    finished,
  };

  struct job {
    job_kind kind = job_kind::none;
    child* subject = nullptr;
    child* cursor = nullptr;
    void* call = nullptr;
    std::optional<clock::duration> pause{};  // between the stop and the start of a group
    exit_reason reason{};
  };

  [[nodiscard]] bool restarts_alone() const noexcept {
    return options_.dynamic || options_.strategy == strategy::one_for_one;
  }
  [[nodiscard]] bool waiting() const noexcept { return awaited_ != nullptr || pending_stops_ > 0; }
  void step(clock::time_point now);
  void handle_first_event(clock::time_point now);
  void handle(event& e);
  struct consequence {
    action::next_type next = action::next_type::none;
    clock::duration pause{};
  };

  void handle_exit(child& c, clock::time_point now);
  void handle_retry(child& c, clock::time_point now);
  void handle_terminate(child* c, void* call);
  // Gives the child of that id if it is stopped, or waits for the end of a pause. Otherwise the
  // call is answered by the error, and null is returned.
  [[nodiscard]] child* stopped_child(std::string_view id, void* call);
  [[nodiscard]] action::next_type otp_consequence_of(const child& c, const exit_reason& why,
                                                     clock::time_point now);
  [[nodiscard]] consequence consequence_of(const child& c, const exit_reason& why,
                                           clock::time_point now);
  [[nodiscard]] bool ends_supervisor(const child& c) const noexcept;
  [[nodiscard]] bool is_forgotten(const child& c) const noexcept;
  void begin_restart(child& c);
  void restart_after(child& c, clock::duration pause, clock::time_point now);
  void begin_pause(child& c, clock::duration pause, clock::time_point now);
  void cancel_restart(child& c) noexcept;
  void end_pauses(clock::time_point now);
  void start_when_its_turn_comes(child& c);
  void end_probation(child& c) noexcept;
  void give_up(child& c);
  void begin(job j) { job_ = std::move(j); }
  void begin_shut_down(exit_reason reason, cause why);
  void begin_parallel_stop(clock::time_point now);
  [[nodiscard]] static bool is_up(const child& c) noexcept;
  [[nodiscard]] clock::duration share_of(child& c, clock::duration left, needs_function* needs);
  [[nodiscard]] clock::duration time_in_parallel(const child& c) const noexcept;
  void begin_group(child& c);
  [[nodiscard]] child& first_of_group(child& c) noexcept;
  void finish_job() noexcept { job_.kind = job_kind::none; }

  void begin_start(child& c, clock::time_point now);
  void ask_start(child& c, clock::time_point now);
  bool ask_stop(child& c, clock::time_point now);  // false: the child is down already
  void on_stopped(child& c);
  [[nodiscard]] bool is_asked_for(const child& c) const noexcept;
  void hold_back(child& c);
  // `why` and `now` tell of a start that has failed.
  void start_answered(child& c, result r, const exit_reason& why = {},
                      clock::time_point now = {});
  void group_failed_at(child& c, const exit_reason& why, clock::time_point now);
  void on_down(child& c);
  void check_deadline(clock::time_point now);
  void account_stop(child& c, const exit_reason& reason);
  bool retry_later(child& c, const exit_reason& why, clock::time_point now);
  void set_state(child& c, child_state s) noexcept { children_.set_state(c, s); }
  void forget(child& c);
  void drop_pending(child& c) noexcept;
  void emit(action a) { out_.push_back(std::move(a)); }
  void emit_report(action::kind_type kind, child& c, const exit_reason& reason = {},
                   action::next_type next = action::next_type::none, clock::duration pause = {});
  void reply(void* call, result r, child* c = nullptr, exit_reason why = {});
  void enqueue_own(child& c, event_type type) noexcept;
  event& enqueue(event_type type, void* call = nullptr);
  void enqueue(event_type type, std::string_view id, void* call);
  [[nodiscard]] std::nullopt_t rest();

  options options_;
  bool reporting_ = true;
  restart_window window_;
  child_table children_;
  timer_queue pauses_;  // of children that wait for their restarts, or are on probation

  list_hook inbox_;             // of places; those that are no child's own belong to it
  std::vector<action> out_;     // the actions from next_out_ on are still to be fetched
  std::size_t next_out_ = 0;
  job job_;

  child* awaited_ = nullptr;  // the child that is being started, or stopped on its own
  std::optional<clock::time_point> awaited_until_;
  std::optional<exit_reason> stop_wanted_;  // set from the first stop on, which waits in the inbox
  bool stop_is_next_ = false;     // the stop has not got into the inbox, and overtakes it
  bool start_limited_ = false;    // the start under way was given a time limit because of that
  bool is_first_start_ = false;   // the child that is being started has not run before
  std::size_t pending_stops_ = 0;
  struct stop_deadline {
    clock::time_point until;
    clock::duration time;
  };
  std::vector<stop_deadline> stop_deadlines_;  // latest first
  clock::time_point stop_by_ = end_of_time;    // when the final stop has to be over
  needs_function* needs_ = nullptr;
  clock::duration parallel_limit_ = clock::duration::max();  // of children that stop side by side

  cause cause_ = cause::asked;
  std::size_t stopped_at_end_ = 0;
  std::size_t killed_at_end_ = 0;
};

}  // namespace coppice::detail
