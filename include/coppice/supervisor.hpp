#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/in_place.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/supervisor/refusal.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/supervision.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <any>
#include <chrono>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace coppice {

/// A strategy that has to be given: leaving it out does not compile.
class required_strategy {
 public:
  constexpr required_strategy(strategy s) noexcept : value_{s} {}
  constexpr operator coppice::strategy() const noexcept { return value_; }

 private:
  coppice::strategy value_;
};

/// A supervisor: which children it has, and what it does when one ends.
///
/// @par Origin
/// OTP supervisor flags and child specs; the defaults are Elixir's (3 restarts in 5 s).
struct supervisor_spec {
  /// Under which it is registered and appears in reports. Empty: not registered.
  std::string name{};
  required_strategy strategy;
  restart_intensity intensity{};
  coppice::auto_shutdown auto_shutdown = coppice::auto_shutdown::never;
  /// Started in this order, each after the one before it is up; stopped in reverse. For
  /// simple_one_for_one: exactly one, the template.
  std::vector<child_spec> children{};
};

namespace detail {

struct given_children {
  given_children(std::vector<child_spec>) {}
  given_children(std::initializer_list<child_spec>) {}
};

// A spec that is written in place with children and without a strategy, for the words that are said
// of that. Each member of a `supervisor_spec` but that one, in their order.
struct spec_without_strategy {
  std::string name{};
  restart_intensity intensity{};
  coppice::auto_shutdown auto_shutdown = coppice::auto_shutdown::never;
  given_children children;
};

template <class Never>
consteval bool refuse_without_strategy() {
  static_assert(never<Never>,
                "the strategy of this supervisor is missing: `.strategy = coppice::one_for_one`, "
                "one_for_all or rest_for_one, after its name");
  return false;
}

}  // namespace detail

/// A supervisor that starts empty and gets its children one by one, in any number.
///
/// @par Origin
/// Elixir's DynamicSupervisor.
struct dynamic_supervisor_spec {
  std::string name{};
  restart_intensity intensity{};
  /// More are refused with `errc::max_children`. Children that are restarting count.
  std::size_t max_children = std::numeric_limits<std::size_t>::max();
};

/// One child, in a listing.
struct child_entry {
  std::string id;        ///< Of dynamic children the label, which need not be unique.
  pid process;           ///< Empty unless it runs.
  bool restarting = false;
  child_type type = child_type::worker;
  std::size_t restarts = 0;  ///< How often it has been restarted so far.
};

/// How many children there are.
struct child_counts {
  std::size_t specs = 0;        ///< Specs known; 1 under simple_one_for_one.
  std::size_t active = 0;       ///< Children with a living process.
  std::size_t supervisors = 0;  ///< Children that are supervisors, alive or not.
  std::size_t workers = 0;      ///< Children that are not, alive or not.
};

/// A child that was started by call.
struct started_child {
  pid process;    ///< Empty if it asked not to be started (`init_ack::ignore`).
  std::any info;  ///< What it said in `init_ack::ready`.
};

namespace detail {

// One call to a supervisor, from the moment it is made until it is answered or given up.
class COPPICE_API supervisor_request : public list_hook {
 public:
  enum class kind_type : unsigned char {
    ready,
    add,
    add_dynamic,
    add_argument,
    terminate,
    terminate_process,
    restart,
    erase,
    which,
    which_one,
    which_process,
    count,
    spec,
    resize,
  };

  explicit supervisor_request(kind_type k) noexcept : kind{k} {}
  virtual ~supervisor_request();

  // Sends it. The answer may be there at once, if there is nobody to answer.
  static void submit(const std::shared_ptr<supervisor_request>& r, const process_ref& supervisor);
  void complete(boost::system::error_code ec) noexcept;
  // It asks for a child, and it is refused: told when nobody is left who could still hear the answer.
  void refused(scheduler& s, const child_info& c) noexcept;
  void heard() noexcept { refusal_.reset(); }
  [[nodiscard]] bool asks_for_child() const noexcept {
    return kind == kind_type::add || kind == kind_type::add_dynamic ||
           kind == kind_type::add_argument;
  }

  kind_type kind;
  std::string id;
  pid process;
  std::optional<child_spec> added;
  std::any argument;
  exit_reason reason;

  bool submitted = false;
  bool done = false;
  pid caller;  // of a request of kind ready
  boost::system::error_code error;
  started_child started;
  std::vector<child_entry> listing;
  child_counts counts;
  waiter* waiting = nullptr;
  std::shared_ptr<supervisor_request> self;  // while it is under way
  // The child that it asks for, as long as it is under way; of the supervisor's own type.
  void* subject = nullptr;

 protected:
  std::unique_ptr<refusal> refusal_;  // until somebody has heard the answer

 private:
  // It has been answered.
  virtual void completed() noexcept;
};

struct COPPICE_API request_wait_base {
  std::shared_ptr<supervisor_request> request;
  process_ref supervisor;

  [[nodiscard]] scheduler& home() const;
  void begin(waiter& w);
  [[nodiscard]] bool ready() const noexcept { return request->done; }
  void leave() noexcept { request->waiting = nullptr; }
};

struct request_wait : request_wait_base {
  template <class Handler>
  void deliver(Handler&& h) {
    std::forward<Handler>(h)(request->error);
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted});
  }
};

template <class Result, Result supervisor_request::*Member>
struct result_wait : request_wait_base {
  template <class Handler>
  void deliver(Handler&& h) {
    const boost::system::error_code ec = request->error;
    request->heard();
    std::forward<Handler>(h)(ec, std::move((*request).*Member));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted}, Result{});
  }
};

struct entry_wait : request_wait_base {
  template <class Handler>
  void deliver(Handler&& h) {
    auto& listing = request->listing;
    std::forward<Handler>(h)(request->error,
                             listing.empty() ? child_entry{} : std::move(listing.front()));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted},
                             child_entry{});
  }
};

// Asks a supervisor to stop, and waits until it is gone.
struct COPPICE_API stop_wait {
  process_ref supervisor;
  exit_reason reason;
  std::optional<duration> limit;
  struct subscription final : exit_subscription {
    subscription() noexcept = default;
    subscription(subscription&& other) noexcept : reason{std::move(other.reason)} {}
    void fire(const pid&, const exit_reason& r) override;
    waiter* target = nullptr;
    std::optional<exit_reason> reason{};
  } news{};
  wake_timer timer{};
  boost::system::error_code refused{};
  scheduler* at = nullptr;  // unless that of the process, or the one at work

  [[nodiscard]] scheduler& home() const;
  void begin(waiter& w);
  [[nodiscard]] bool ready() const noexcept {
    return refused || news.reason.has_value() || timer.has_rung();
  }
  void leave() noexcept;
  [[nodiscard]] boost::system::error_code outcome() const noexcept;
  template <class Handler>
  void deliver(Handler&& h) {
    std::forward<Handler>(h)(outcome());
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted});
  }
};

using stop_operation = operation<void(boost::system::error_code), stop_wait>;
using request_operation = operation<void(boost::system::error_code), request_wait>;
using start_operation =
    operation<void(boost::system::error_code, started_child),
              result_wait<started_child, &supervisor_request::started>>;
using listing_operation =
    operation<void(boost::system::error_code, std::vector<child_entry>),
              result_wait<std::vector<child_entry>, &supervisor_request::listing>>;
using entry_operation = operation<void(boost::system::error_code, child_entry), entry_wait>;
using count_operation = operation<void(boost::system::error_code, child_counts),
                                  result_wait<child_counts, &supervisor_request::counts>>;
using spec_operation =
    operation<void(boost::system::error_code, std::optional<child_spec>),
              result_wait<std::optional<child_spec>, &supervisor_request::added>>;

}  // namespace detail

/// A child on its way up, after `start_child`. The start is under way whether or not this is kept.
///
/// If the child is refused, and this is dropped without `ready()` having been awaited to its end, the
/// report `child_refused` tells of it.
class COPPICE_API child_start {
 public:
  explicit child_start(std::shared_ptr<detail::supervisor_request> r,
                       process_ref supervisor) noexcept
      : request_{std::move(r)}, supervisor_{std::move(supervisor)} {}

  /// `started_child child = co_await adding.ready();`
  ///
  /// Fails with `errc::start_failed` (see `failure()`), `already_started`, `already_present`,
  /// `max_children`, `noproc` or `would_deadlock`; nothing was added then. With `already_started`
  /// the completion also brings, as its `process`, the child of that id that runs, or the stranger
  /// who has the name that the child registers.
  ///
  /// For a named object only: g++ 12 destroys twice what a lambda captured by value when the lambda
  /// stands in the awaited expression, so starting and awaiting are two statements.
  [[nodiscard]] detail::start_operation ready() &;
  template <class Never = void>
  auto ready() && {
    static_assert(
        detail::never<Never>,
        "starting and awaiting are two statements (g++ 12 destroys a lambda twice that "
        "stands in an awaited expression): `auto adding = ...; co_await adding.ready();`");
  }

  /// Why the child did not start, after `ready()` has failed with `errc::start_failed`; or with
  /// `already_started`, if it is a `name_taken`.
  [[nodiscard]] const exit_reason& failure() const noexcept { return request_->reason; }

 private:
  std::shared_ptr<detail::supervisor_request> request_;
  process_ref supervisor_;
};

/// What supervisors of every kind can be asked. Requests are served one at a time, in order of
/// arrival, behind any start, stop or restart under way, and have no time limit of their own.
///
/// A handle: cheap to copy, keeps nothing alive. It is made with a pid, with a name, or with whatever a
/// `process_ref` finds the supervisor by; names and functions are asked anew for each request, so that
/// a restarted supervisor is found again.
///
/// Every request fails with `errc::noproc` if there is no such process, or the supervisor ends before
/// it comes to it; with `errc::wrong_type` if the process is no supervisor of that kind; and with
/// `errc::would_deadlock` if it comes from within a child whose start or end that very supervisor is
/// waiting for.
///
/// @par Cancellation
/// Of all requests: any type. The caller waits no longer; a request that was made is carried out.
/// @par Thread safety
/// Only on the loop's thread, or while the loop does not run.
class COPPICE_API supervisor_handle {
 public:
  /// Of nobody.
  supervisor_handle() noexcept = default;
  supervisor_handle(process_ref to) noexcept : to_{std::move(to)} {}
  supervisor_handle(pid process) noexcept : to_{process} {}
  /// A name on the io_context of the calling process.
  ///
  /// @throws std::logic_error outside of processes.
  supervisor_handle(std::string_view name) : to_{name} {}
  supervisor_handle(const char* name) : to_{name} {}
  supervisor_handle(boost::asio::io_context& io, std::string_view name) : to_{io, name} {}

  /// The living process, or an empty pid.
  [[nodiscard]] pid whereis() const { return to_.whereis(); }
  /// The same; but of a handle that was made with a pid that one, also when the supervisor has ended.
  [[nodiscard]] pid get_pid() const { return to_.get_pid(); }
  [[nodiscard]] bool alive() const { return to_.whereis().alive(); }

  /// Completes when the static children are up; fails with `errc::start_failed` if one of them is
  /// not, and with `errc::already_started` if another process has its name.
  [[nodiscard]] detail::request_operation ready() const;

  /// Stops the children and then the supervisor, and completes when everything is gone.
  ///
  /// @param reason With which it ends.
  /// @param limit For how long to wait; then fails with `errc::timeout`, and the stop goes on.
  ///
  /// Fails with `errc::unexpected_exit` if it ended with another reason (it was killed, or gave up),
  /// and with `errc::would_deadlock` from within the supervisor's own subtree.
  /// @par Origin
  /// `supervisor:stop/3`.
  [[nodiscard]] detail::stop_operation stop(
      exit_reason reason = exit_reason::shutdown(),
      std::optional<std::chrono::steady_clock::duration> limit = {}) const;

  /// Lists the children, in start order.
  ///
  /// @par Origin
  /// `supervisor:which_children/1`, which lists the latest first.
  [[nodiscard]] detail::listing_operation which_children() const;

  /// @par Origin
  /// `supervisor:count_children/1`.
  [[nodiscard]] detail::count_operation count_children() const;

  /// Whether they lead to the same process.
  friend bool operator==(const supervisor_handle& a, const supervisor_handle& b) {
    return a.get_pid() == b.get_pid();
  }

 protected:
  process_ref to_;
};

/// A supervisor with a list of children, each with an id. Also one with a template
/// (simple_one_for_one), whose children have none and are named by pid.
class COPPICE_API supervisor_ref : public supervisor_handle {
 public:
  using supervisor_handle::supervisor_handle;

  /// Starts a child and adds it last in the start order. Returns at once; await `ready()` of the
  /// result, in another statement.
  ///
  /// @throws std::invalid_argument if the spec breaks a rule; nothing has happened then.
  /// @par Complexity
  /// Constant, apart from the child's own start.
  /// @par Origin
  /// `supervisor:start_child/2`.
  child_start start_child(child_spec spec) const;

  /// Starts a child from the template with that argument.
  ///
  /// Fails with `errc::start_failed` if the template takes an argument of another type.
  child_start start_child(std::any argument) const;

  /// Stops a child by its shutdown and keeps its spec, unless it is temporary. It is not restarted
  /// for that. A child that does not run is fine; one that is restarting is given up.
  ///
  /// Fails with `errc::not_found`.
  /// @par Origin
  /// `supervisor:terminate_child/2`.
  [[nodiscard]] detail::request_operation terminate_child(std::string_view id) const;

  /// Stops a child of a simple_one_for_one supervisor, and forgets it.
  ///
  /// Fails with `errc::not_found`, also for one that has ended already.
  /// @par Origin
  /// `supervisor:terminate_child/2` and `DynamicSupervisor.terminate_child/2`; the former answers ok
  /// for a pid that is dead.
  [[nodiscard]] detail::request_operation terminate_child(const pid& process) const;

  /// Starts a child that does not run, in its old place.
  ///
  /// Fails with `errc::not_found`, `running`, `restarting` or `start_failed`, or with
  /// `already_started` if a stranger has the name that the child registers; after the last two the
  /// child stays stopped.
  /// @par Origin
  /// `supervisor:restart_child/2`.
  [[nodiscard]] detail::start_operation restart_child(std::string_view id) const;

  /// Drops the spec of a child that does not run.
  ///
  /// Fails with `errc::not_found`, `running` or `restarting`.
  /// @par Origin
  /// `supervisor:delete_child/2`.
  [[nodiscard]] detail::request_operation delete_child(std::string_view id) const;

  /// The entry of one child, as `which_children` lists it.
  ///
  /// Fails with `errc::not_found`, and with `errc::simple_one_for_one` if children have no ids.
  /// @par Complexity
  /// Constant.
  /// @par Origin
  /// `supervisor:which_child/2`.
  [[nodiscard]] detail::entry_operation which_child(std::string_view id) const;

  /// The entry of one child of a simple_one_for_one supervisor. One that is restarting goes by the
  /// pid that it had last.
  ///
  /// Fails with `errc::not_found`, also for a child that has an id.
  /// @par Complexity
  /// Constant.
  /// @par Origin
  /// `supervisor:which_child/2`.
  [[nodiscard]] detail::entry_operation which_child(const pid& process) const;

  /// The spec of a child, with its defaults filled in.
  ///
  /// Fails with `errc::not_found`.
  /// @par Origin
  /// `supervisor:get_childspec/2`.
  [[nodiscard]] detail::spec_operation get_child_spec(std::string_view id) const;
};

/// A supervisor whose children come and go.
class COPPICE_API dynamic_supervisor_ref : public supervisor_handle {
 public:
  using supervisor_handle::supervisor_handle;

  /// Starts a child. Returns at once; await `ready()` of the result, in another statement.
  ///
  /// The id need not be unique, and may be empty: it labels the child in listings and reports, and names
  /// it nowhere else. The child is forgotten when it ends for good.
  ///
  /// Up to 15 characters of an id take no memory.
  ///
  /// @throws std::invalid_argument if the spec breaks a rule; nothing has happened then.
  /// @par Complexity
  /// Constant, apart from the child's own start.
  /// @par Origin
  /// `DynamicSupervisor.start_child/2`.
  child_start start_child(child_spec spec) const;

  /// Stops a child by its shutdown.
  ///
  /// Fails with `errc::not_found`, also for one that has ended already.
  /// @par Origin
  /// `DynamicSupervisor.terminate_child/2`.
  [[nodiscard]] detail::request_operation terminate_child(const pid& process) const;

  /// The entry of one child, as `which_children` lists it. One that is restarting goes by the pid
  /// that it had last.
  ///
  /// Fails with `errc::not_found`, also for one that has ended for good.
  /// @par Complexity
  /// Constant.
  /// @par Origin
  /// `supervisor:which_child/2`, of a simple_one_for_one supervisor.
  [[nodiscard]] detail::entry_operation which_child(const pid& process) const;
};

namespace detail {

// A parameter of that kind does not take what is written in braces: clang fails over a std::function
// that could be made of a spec.
template <class F>
concept supervisor_init = std::is_invocable_r_v<supervisor_spec, F&>;

COPPICE_API supervisor_ref start_supervisor_by(asio::io_context& io,
                                               std::function<supervisor_spec()> init);
COPPICE_API child_spec supervisor_made_by(std::string id, std::function<supervisor_spec()> init,
                                          child_options o);

}  // namespace detail

/// Starts a supervisor on the io_context and returns a handle at once; await `ready()` of it to know
/// that its children are up. It has no parent: it lives until `stop()`, until it gives up, or until
/// the io_context is destroyed.
///
/// Whoever runs the io_context by hand restarts it first if it has run out of work before, as with
/// everything in Asio: `io.run()` would return at once. `coppice::run` and `virtual_clock` do so.
///
/// @throws std::invalid_argument naming the rule that the spec breaks; nothing has started then.
/// @par Thread safety
/// Only on the loop's thread, or while the loop does not run.
/// @par Origin
/// `supervisor:start_link/2`, without the link.
COPPICE_API supervisor_ref start_supervisor(asio::io_context& io, supervisor_spec spec);
COPPICE_API dynamic_supervisor_ref start_supervisor(asio::io_context& io,
                                                    dynamic_supervisor_spec spec);

/// The same with a function that says what the supervisor is, called in the new process. What it
/// throws, and a spec that breaks a rule, is a failed start.
///
/// @par Origin
/// A supervisor module with an `init/1`.
template <detail::supervisor_init Init>
supervisor_ref start_supervisor(asio::io_context& io, Init init) {
  return detail::start_supervisor_by(io, std::move(init));
}

/// Starts a supervisor linked to the calling process, whose end, for whatever reason, stops it with
/// that reason.
///
/// If it does not come up, a caller who awaits `ready()` is told there and nowhere else; one who
/// does not hears of it through the link.
///
/// @throws std::invalid_argument naming the rule that the spec breaks; nothing has started then.
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `supervisor:start_link/2`.
COPPICE_API supervisor_ref start_supervisor_link(supervisor_spec spec);
COPPICE_API dynamic_supervisor_ref start_supervisor_link(dynamic_supervisor_spec spec);

/// How a supervisor came to its end.
struct supervisor_end {
  supervision::cause why;
  exit_reason reason;  ///< With which its process is to end.
};

/// Turns the calling process into a supervisor, until that is over: for a body that has something to do
/// before its children start, or after they have ended.
///
/// While it runs, the process is stopped and asked like any supervisor. To end as one does, the body
/// then does `co_await coppice::exit(end.reason)`.
///
/// @param booted Called when the static children are up; where a supervised process says
///   `init_ack::ready()`. Must not be empty.
/// @throws std::invalid_argument naming the rule that the spec breaks; nothing has started then.
/// @par Origin
/// `gen_server:enter_loop/3`, for a supervisor.
[[nodiscard]] COPPICE_API asio::awaitable<supervisor_end, executor> supervise(
    supervisor_spec spec, std::function<void()> booted);

/// The spec of a supervisor as a child of another: permanent, with unlimited time to shut down.
/// Its own spec is used anew for each start, so children added later do not survive its restart.
///
/// If it breaks a rule, the child is refused by what it is given to (a supervisor, `run`, `check`):
/// the words name the supervisors from the outermost one down to the fault.
[[nodiscard]] COPPICE_API child_spec supervisor(supervisor_spec spec, child_options o = {});

/// The same with a function that says what the supervisor is, called in the new process for each
/// start and restart: a supervisor that is written as a class of its own gives its `init` here.
/// Without a function the child is refused, as above.
template <detail::supervisor_init Init>
[[nodiscard]] child_spec supervisor(std::string id, Init init, child_options o = {}) {
  return detail::supervisor_made_by(std::move(id), std::move(init), o);
}

/// The spec of a dynamic supervisor as a child of another. As `supervisor`.
[[nodiscard]] COPPICE_API child_spec dynamic_supervisor(dynamic_supervisor_spec spec,
                                                        child_options o = {});

// Of a spec without a strategy: say so.
template <class Never = void>
supervisor_ref start_supervisor(asio::io_context&, detail::spec_without_strategy) {
  static_assert(detail::refuse_without_strategy<Never>());
  return {};
}
template <class Never = void>
supervisor_ref start_supervisor_link(detail::spec_without_strategy) {
  static_assert(detail::refuse_without_strategy<Never>());
  return {};
}
template <class Never = void>
child_spec supervisor(detail::spec_without_strategy, child_options = {}) {
  static_assert(detail::refuse_without_strategy<Never>());
  return {};
}

/// Checks a supervisor's spec, its children included, without starting anything.
///
/// @throws std::invalid_argument naming the supervisors from this one down, the child, and the rule
///   that is broken.
COPPICE_API void check(const supervisor_spec& spec);
COPPICE_API void check(const dynamic_supervisor_spec& spec);

}  // namespace coppice
