#pragma once

#include <coppice/child_spec.hpp>
#include <coppice/child_start.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/process/stop_wait.hpp>
#include <coppice/detail/supervisor/request_waits.hpp>
#include <coppice/detail/supervisor/wrong_specs.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/operation.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/time_limit.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <any>
#include <concepts>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace coppice {

/// The requests that supervisors of every kind take. They are served one at a time, in order of
/// arrival, behind any start, stop or restart under way, and have no time limit of their own.
///
/// A handle: cheap to copy, keeps nothing alive. It is made with a pid, with a name, or with
/// whatever a `process_ref` finds the supervisor by; names and functions are asked anew for each
/// request, so that a restarted supervisor is found again.
///
/// Every request fails with `errc::noproc` if there is no such process, or the supervisor ends
/// before it comes to it; with `errc::wrong_type` if the process is no supervisor of that kind; and
/// with `errc::would_deadlock` if it comes from within a child whose start or end that very
/// supervisor is waiting for.
///
/// @par Cancellation
/// All requests may be cancelled, with any type. The caller waits no longer; a request that was
/// made is carried out.
/// @par Thread safety
/// Only on the loop's thread, or while the loop does not run.
class COPPICE_API supervisor_handle {
 public:
  /// A handle that leads nowhere.
  supervisor_handle() noexcept = default;
  supervisor_handle(process_ref to) noexcept : to_{std::move(to)} {}
  supervisor_handle(pid process) noexcept : to_{process} {}
  /// A name on the io_context of the calling process.
  ///
  /// @throws std::logic_error outside of processes.
  supervisor_handle(std::string_view name) : to_{name} {}
  supervisor_handle(const char* name) : to_{name} {}
  supervisor_handle(const std::string& name) : to_{name} {}
  supervisor_handle(boost::asio::io_context& io, std::string_view name) : to_{io, name} {}

  /// The living process, or an empty pid.
  [[nodiscard]] pid whereis() const { return to_.whereis(); }
  /// The same; but of a handle that was made with a pid that one, also when the supervisor has
  /// ended.
  [[nodiscard]] pid get_pid() const { return to_.get_pid(); }
  /// Whether there is such a process.
  [[nodiscard]] bool alive() const { return to_.whereis().alive(); }

  /// Completes when the static children are up; fails with `errc::start_failed` if one of them is
  /// not, and with `errc::already_started` if another process has its name.
  /// @par Completion Signature
  /// `void(error_code)`
  [[nodiscard]] operation<void(boost::system::error_code)> auto ready() const {
    return detail::ask<detail::request_wait>(to_, detail::supervisor_request::kind_type::ready);
  }

  /// Stops the children and then the supervisor, and completes when everything is gone.
  ///
  /// A supervisor that has a parent is restarted by that if it is permanent.
  ///
  /// @param reason With which it ends; its children are stopped with shutdown, whatever it is.
  /// @param limit For how long to wait; then fails with `errc::timeout`, and the stop goes on.
  ///
  /// Fails with `errc::unexpected_exit` if it ended with another reason (it was killed, or gave
  /// up), and with `errc::would_deadlock` from within the supervisor's own subtree.
  /// @par Origin
  /// `supervisor:stop/3`.
  /// @par Completion Signature
  /// `void(error_code)`
  [[nodiscard]] operation<void(boost::system::error_code)> auto stop(
      exit_reason reason = exit_reason::normal(), time_limit limit = infinity) const {
    return detail::deferred_wait<detail::stop_wait>{{to_, std::move(reason), limit}};
  }

  /// Lists the children, in start order.
  ///
  /// @par Origin
  /// `supervisor:which_children/1`, which lists the latest first.
  /// @par Completion Signature
  /// `void(error_code, std::vector<child_entry>)`
  [[nodiscard]] operation<void(boost::system::error_code, std::vector<child_entry>)> auto
  which_children() const {
    return detail::ask<detail::listing_wait>(to_, detail::supervisor_request::kind_type::which);
  }

  /// @par Origin
  /// `supervisor:count_children/1`.
  /// @par Completion Signature
  /// `void(error_code, child_counts)`
  [[nodiscard]] operation<void(boost::system::error_code, child_counts)> auto count_children()
      const {
    return detail::ask<detail::count_wait>(to_, detail::supervisor_request::kind_type::count);
  }

  /// Whether they lead to the same process.
  friend bool operator==(const supervisor_handle& a, const supervisor_handle& b) {
    return a.get_pid() == b.get_pid();
  }

 protected:
  process_ref to_;
};

/// A supervisor with a list of children, each with an id. For the children of one with a template
/// there is a `simple_one_for_one_ref`.
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

  /// A supervisor is given as a child by its child spec.
  template <detail::supervisor_spec_of_any_kind Spec>
  child_start start_child(const Spec&) const {
    return detail::refuse_supervisor_spec<Spec>();
  }

  /// Stops a child by its shutdown and keeps its spec, unless it is temporary. It is not restarted
  /// for that. A child that does not run is fine; one that is restarting is given up.
  ///
  /// Fails with `errc::not_found`.
  /// @par Origin
  /// `supervisor:terminate_child/2`.
  /// @par Completion Signature
  /// `void(error_code)`
  [[nodiscard]] operation<void(boost::system::error_code)> auto terminate_child(
      std::string_view id) const {
    return detail::ask<detail::request_wait>(to_, detail::supervisor_request::kind_type::terminate,
                                             id);
  }

  /// Starts a child that does not run, in its old place.
  ///
  /// Fails with `errc::not_found`, `running`, `restarting` or `start_failed`, or with
  /// `already_started` if a stranger has the name that the child registers; after the last two the
  /// child stays stopped.
  /// @par Origin
  /// `supervisor:restart_child/2`.
  /// @par Completion Signature
  /// `void(error_code, started_child)`
  [[nodiscard]] operation<void(boost::system::error_code, started_child)> auto restart_child(
      std::string_view id) const {
    return detail::ask<detail::start_wait>(to_, detail::supervisor_request::kind_type::restart, id);
  }

  /// Drops the spec of a child that does not run.
  ///
  /// Fails with `errc::not_found`, `running` or `restarting`.
  /// @par Origin
  /// `supervisor:delete_child/2`.
  /// @par Completion Signature
  /// `void(error_code)`
  [[nodiscard]] operation<void(boost::system::error_code)> auto delete_child(
      std::string_view id) const {
    return detail::ask<detail::request_wait>(to_, detail::supervisor_request::kind_type::erase, id);
  }

  /// The entry of one child, as `which_children` lists it.
  ///
  /// Fails with `errc::not_found`, and with `errc::simple_one_for_one` if children have no ids.
  /// @par Complexity
  /// Constant.
  /// @par Origin
  /// `supervisor:which_child/2`.
  /// @par Completion Signature
  /// `void(error_code, child_entry)`
  [[nodiscard]] operation<void(boost::system::error_code, child_entry)> auto which_child(
      std::string_view id) const {
    return detail::ask<detail::entry_wait>(to_, detail::supervisor_request::kind_type::which_one,
                                           id);
  }

  /// The spec of a child, with its defaults filled in.
  ///
  /// Fails with `errc::not_found`.
  /// @par Origin
  /// `supervisor:get_childspec/2`.
  /// @par Completion Signature
  /// `void(error_code, std::optional<child_spec>)`
  [[nodiscard]] operation<void(boost::system::error_code, std::optional<child_spec>)> auto
  get_child_spec(std::string_view id) const {
    return detail::ask<detail::spec_wait>(to_, detail::supervisor_request::kind_type::spec, id);
  }
};

/// A supervisor whose children come and go.
class COPPICE_API dynamic_supervisor_ref : public supervisor_handle {
 public:
  using supervisor_handle::supervisor_handle;

  /// Starts a child. Returns at once; await `ready()` of the result, in another statement.
  ///
  /// The id need not be unique, and may be empty: it labels the child in listings and reports, and
  /// names it nowhere else. The child is forgotten when it ends for good.
  ///
  /// Up to 15 characters of an id take no memory.
  ///
  /// @throws std::invalid_argument if the spec breaks a rule; nothing has happened then.
  /// @par Complexity
  /// Constant, apart from the child's own start.
  /// @par Origin
  /// `DynamicSupervisor.start_child/2`.
  child_start start_child(child_spec spec) const;

  /// A supervisor is given as a child by its child spec.
  template <detail::supervisor_spec_of_any_kind Spec>
  child_start start_child(const Spec&) const {
    return detail::refuse_supervisor_spec<Spec>();
  }

  /// Stops a child by its shutdown.
  ///
  /// Fails with `errc::not_found`, also for one that has ended already.
  /// @par Origin
  /// `DynamicSupervisor.terminate_child/2`.
  /// @par Completion Signature
  /// `void(error_code)`
  [[nodiscard]] operation<void(boost::system::error_code)> auto terminate_child(
      const pid& process) const {
    return detail::ask<detail::request_wait>(
        to_, detail::supervisor_request::kind_type::terminate_process, process);
  }

  /// The entry of one child, as `which_children` lists it. One that is restarting goes by the pid
  /// that it had last.
  ///
  /// Fails with `errc::not_found`, also for one that has ended for good.
  /// @par Complexity
  /// Constant.
  /// @par Origin
  /// `supervisor:which_child/2`, of a simple_one_for_one supervisor.
  /// @par Completion Signature
  /// `void(error_code, child_entry)`
  [[nodiscard]] operation<void(boost::system::error_code, child_entry)> auto which_child(
      const pid& process) const {
    return detail::ask<detail::entry_wait>(
        to_, detail::supervisor_request::kind_type::which_process, process);
  }
};

/// A simple_one_for_one supervisor, whose children are started from its template with an argument
/// each, have no ids, and are named by pid.
///
/// It is made like any handle, or of the `supervisor_ref` that `start_supervisor` gives:
///
///     const coppice::simple_one_for_one_ref<tcp::endpoint> peers{"peers"};
///     auto adding = peers.start_child(where);
///     const coppice::started_child peer = co_await adding.ready();
///
/// @tparam Argument What the template takes (`template_worker<Argument>`), or void if it is a spec
///   as of any other child, which takes nothing. That is believed here and seen when a child is
///   started: the handle may have been made with a name, or before the supervisor was.
template <class Argument = void>
class simple_one_for_one_ref : public supervisor_handle {
  static_assert(std::is_void_v<Argument> || std::copy_constructible<Argument>,
                "the argument of a template is copied for each restart");
  using given = std::conditional_t<std::is_void_v<Argument>, std::monostate, Argument>;

 public:
  using supervisor_handle::supervisor_handle;
  simple_one_for_one_ref(const supervisor_ref& supervisor) : supervisor_handle{supervisor} {}

  /// Starts a child from the template with that argument, which its restarts are given too. Returns
  /// at once; await `ready()` of the result, in another statement.
  ///
  /// Fails with `errc::start_failed` if the template takes an argument of another type, and if the
  /// supervisor has no template.
  /// @par Complexity
  /// Constant, apart from the child's own start.
  /// @par Origin
  /// `supervisor:start_child/2`. Differs: one argument of a known type, in place of a list that is
  /// appended to that of the template.
  child_start start_child(given argument) const
    requires(!std::is_void_v<Argument>)
  {
    return detail::start_from_template(to_,
                                       std::any{std::in_place_type<given>, std::move(argument)});
  }
  child_start start_child() const
    requires std::is_void_v<Argument>
  {
    return detail::start_from_template(to_, {});
  }

  /// Stops a child by its shutdown, and forgets it.
  ///
  /// Fails with `errc::not_found`, also for one that has ended already.
  /// @par Origin
  /// `supervisor:terminate_child/2`. Differs: that answers ok for a pid that is dead.
  /// @par Completion Signature
  /// `void(error_code)`
  [[nodiscard]] operation<void(boost::system::error_code)> auto terminate_child(
      const pid& process) const {
    return dynamic_supervisor_ref{to_}.terminate_child(process);
  }

  /// The entry of one child, as `which_children` lists it; its id is that of the template. One that
  /// is restarting goes by the pid that it had last.
  ///
  /// Fails with `errc::not_found`, also for one that has ended for good.
  /// @par Complexity
  /// Constant.
  /// @par Origin
  /// `supervisor:which_child/2`.
  /// @par Completion Signature
  /// `void(error_code, child_entry)`
  [[nodiscard]] operation<void(boost::system::error_code, child_entry)> auto which_child(
      const pid& process) const {
    return dynamic_supervisor_ref{to_}.which_child(process);
  }
};

}  // namespace coppice
