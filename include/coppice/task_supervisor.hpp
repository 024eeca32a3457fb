#pragma once

#include <coppice/async_stream.hpp>
#include <coppice/async_task.hpp>
#include <coppice/child_policy.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/async_task/supervised_task.hpp>
#include <coppice/detail/async_task/task_core.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/operation.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/supervisor.hpp>
#include <coppice/task_options.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice {

/// A supervisor of tasks, which come and go.
///
/// @par Origin
/// Elixir's Task.Supervisor.
struct task_supervisor_spec {
  /// Under which it is registered and appears in reports. Empty: not registered.
  std::string name{};
  /// As in `supervisor_spec`, of those tasks that are restarted at all
  /// (`task_supervisor_ref::start_child`).
  std::size_t intensity = 3;
  /// For how long a restart counts; above zero.
  std::chrono::steady_clock::duration period = std::chrono::seconds{5};
  /// More tasks are refused with `errc::max_children`.
  std::size_t max_children = std::numeric_limits<std::size_t>::max();
};

/// A supervisor of tasks, by pid, by name, or however a `process_ref` finds it.
///
/// A task that it starts is its child, whose end it awaits when it stops; and, for whoever asked
/// for the task, a task like any other.
///
/// @par Thread safety
/// Only on the loop's thread.
/// @par Origin
/// Elixir's Task.Supervisor.
class COPPICE_API task_supervisor_ref {
 public:
  /// The task supervisor of that name, or however a `process_ref` finds it.
  task_supervisor_ref(process_ref to) noexcept : to_{std::move(to)} {}
  task_supervisor_ref(pid process) noexcept : to_{process} {}
  /// A name on the io_context of the calling process.
  ///
  /// @throws std::logic_error outside of processes.
  task_supervisor_ref(std::string_view name) : to_{name} {}
  task_supervisor_ref(const char* name) : to_{name} {}
  task_supervisor_ref(const std::string& name) : to_{name} {}
  task_supervisor_ref(boost::asio::io_context& io, std::string_view name) : to_{io, name} {}

  /// Starts a task under the supervisor, linked to the calling process, which is its owner.
  ///
  /// Returns at once; the supervisor starts it in its turn. If it does not, `await` and `yield`
  /// tell: `errc::max_children` (raise `task_supervisor_spec::max_children`), `errc::noproc` or
  /// `errc::wrong_type`.
  /// The link is there before anything of the task runs. If its owner has died by then, it ends
  /// without having run.
  ///
  /// @param f As of `coppice::async`.
  /// @throws std::logic_error outside of processes.
  /// @throws std::invalid_argument if the shutdown time is negative; nothing has happened then.
  /// @par Origin
  /// `Task.Supervisor.async/3`. Differs: a refusal is told where the result is expected.
  template <detail::task_source F>
  async_task<detail::task_value_t<F>> async(F&& f, task_options o = {}) const {
    return start(std::forward<F>(f), std::move(o), detail::task_core::link_mode::link);
  }

  /// The same without a link: the owner hears of a crash only when it waits for the task, and the
  /// task goes on when its owner ends. What servers want.
  ///
  /// @par Origin
  /// `Task.Supervisor.async_nolink/3`.
  template <detail::task_source F>
  async_task<detail::task_value_t<F>> async_nolink(F&& f, task_options o = {}) const {
    return start(std::forward<F>(f), std::move(o), detail::task_core::link_mode::none);
  }

  /// As `coppice::async_stream`, its tasks being children of the supervisor. If that does not start
  /// one, the stream is closed, and `next` fails with what it was refused for.
  ///
  /// @throws std::invalid_argument naming the rule that an option breaks.
  /// @par Origin
  /// `Task.Supervisor.async_stream/4`.
  template <class Range, class F>
  requires detail::streamable<Range, F>
  [[nodiscard]] auto async_stream(Range range, F f, stream_options o = {}) const {
    return stream(std::move(range), std::move(f), std::move(o), true);
  }

  /// The same without ending the consumer when an item fails: that is the item's result.
  ///
  /// @par Origin
  /// `Task.Supervisor.async_stream_nolink/4`.
  template <class Range, class F>
  requires detail::streamable<Range, F>
  [[nodiscard]] auto async_stream_nolink(Range range, F f, stream_options o = {}) const {
    return stream(std::move(range), std::move(f), std::move(o), false);
  }

  /// Starts a task that nobody waits for. Returns at once; await `ready()` of the result, in
  /// another statement, to know that it has been started.
  ///
  /// May be called from outside of processes, unless the supervisor is found by name there.
  ///
  /// @param f A callable that returns an `asio::awaitable<T>`, called anew for each restart.
  ///   What it returns is thrown away.
  /// @throws std::invalid_argument if an option breaks a rule; nothing has happened then.
  /// @par Origin
  /// `Task.Supervisor.start_child/3`.
  template <class F>
  requires detail::async_function<std::decay_t<F>> child_start start_child(F&& f,
                                                                          task_child_options o = {})
  const {
    detail::task_origin origin{.core = {},
                               .callers = detail::callers_through(detail::current_process_if_any()),
                               .label = o.label};
    return detail::start_task_child(
        to_, detail::make_task_body(std::forward<F>(f), std::move(origin)), o);
  }

  /// `std::vector<pid> tasks = co_await tasks.children();` lists those that run, in start order.
  ///
  /// @par Origin
  /// `Task.Supervisor.children/1`.
  /// @par Completion Signature
  /// `void(error_code, std::vector<pid>)`
  [[nodiscard]] operation<void(boost::system::error_code, std::vector<pid>)> auto children() const {
    return detail::ask<detail::pids_wait>(to_, detail::supervisor_request::kind_type::which);
  }

  /// As `dynamic_supervisor_ref::terminate_child`: fails with `errc::not_found` for a task that has
  /// ended.
  /// @par Completion Signature
  /// `void(error_code)`
  [[nodiscard]] operation<void(boost::system::error_code)> auto terminate_child(
      const pid& task) const {
    return supervisor().terminate_child(task);
  }

  /// As `dynamic_supervisor_ref::count_children`.
  ///
  /// @par Completion Signature
  /// `void(error_code, child_counts)`
  [[nodiscard]] operation<void(boost::system::error_code, child_counts)> auto count_children()
      const {
    return supervisor().count_children();
  }

  /// The supervisor as what it is underneath: to await that it is up, to stop it.
  [[nodiscard]] dynamic_supervisor_ref supervisor() const {
    return dynamic_supervisor_ref{to_};
  }

  /// The living process, or an empty pid.
  [[nodiscard]] pid whereis() const { return to_.whereis(); }

 private:
  template <class F>
  auto start(F&& f, task_options o, detail::task_core::link_mode link_mode) const {
    using value_type = detail::task_value_t<F>;
    detail::process& me = detail::current_process();
    boost::intrusive_ptr<detail::typed_task<value_type>> core{
        new detail::typed_task<value_type>{me.home, me.id(), link_mode}};
    detail::task_origin origin{
        .core = core, .callers = detail::callers_through(&me), .label = o.label};
    detail::spawn_task_in(to_, detail::make_task_body(std::forward<F>(f), std::move(origin)),
                          std::move(o.label), o.shutdown, core);
    return detail::access::make<async_task<value_type>>(std::move(core));
  }

  template <class Range, class F>
  auto stream(Range range, F f, stream_options o, bool linked) const {
    detail::stream_settings s = detail::check_stream(std::move(o));
    s.linked = linked;
    s.supervisor = to_;
    return detail::make_stream(std::move(range), std::move(f), std::move(s));
  }

  process_ref to_;
};

/// A task supervisor as a child of another: permanent, with unlimited time to shut down, its name
/// as its id. A spec that breaks a rule is refused as that of a `supervisor` is.
[[nodiscard]] COPPICE_API child_spec task_supervisor(task_supervisor_spec spec);

/// Starts a task supervisor that nobody supervises. As `start_supervisor`.
///
/// @throws std::invalid_argument naming the rule that the spec breaks; nothing has started then.
/// @par Thread safety
/// Only on the loop's thread, or while the loop does not run.
COPPICE_API task_supervisor_ref start_task_supervisor(boost::asio::io_context& io,
                                                      task_supervisor_spec spec = {});

/// Starts a task supervisor linked to the calling process. As `start_supervisor_link`.
///
/// @throws std::invalid_argument naming the rule that the spec breaks; nothing has started then.
/// @throws std::logic_error outside of processes.
COPPICE_API task_supervisor_ref start_task_supervisor_link(task_supervisor_spec spec = {});

}  // namespace coppice
