#include <coppice/task_supervisor.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/runtime/scheduler.hpp>

#include "supervisor/supervisor_process.hpp"

#include <boost/system/system_error.hpp>

#include <exception>
#include <memory>
#include <utility>

namespace coppice {

namespace detail {

namespace {

// A task supervisor is a dynamic supervisor, and its tasks are temporary children of it. What is
// added is the task_core, through which the owner gets the result.

// The request to a supervisor to start a task. If the supervisor refuses, or is gone, the task is
// told so here; if it starts the task, the body tells the task_core itself (task_core::born).
class task_request final : public supervisor_request {
 public:
  explicit task_request(task_ptr core) noexcept
      : supervisor_request{kind_type::add_dynamic}, core_{std::move(core)} {}

 private:
  void completed() noexcept override {
    // The request may live on in the supervisor; it must not keep the task alive.
    if (const task_ptr core = std::exchange(core_, nullptr); core && error) {
      core->refuse(error, why_not(), std::move(refusal_));
    }
  }

  exit_reason why_not() const noexcept {
    if (error == errc::noproc) return exit_reason::noproc();
    if (reason.is_abnormal()) return reason;
    try {
      return exit_reason::error(std::make_exception_ptr(
          boost::system::system_error{error, "coppice: the task was not started"}));
    } catch (...) {
      return exit_reason::error(std::current_exception());
    }
  }

  task_ptr core_;
};

// Checks the spec here, so that a bad one is an error at the call and not a refusal later.
child_spec spec_of(body_ptr what, std::string label, restart when, const shutdown& how) {
  child_spec spec{.id = std::move(label),
                  .start = access::make<start_function>(std::move(what)),
                  .restart = when,
                  .shutdown = how};
  check_dynamic_child(spec);
  return spec;
}

dynamic_supervisor_spec underneath(task_supervisor_spec spec) {
  return {.name = std::move(spec.name),
          .intensity = spec.intensity,
          .period = spec.period,
          .max_children = spec.max_children};
}

}  // namespace

void spawn_task_in(const process_ref& supervisor, body_ptr what, std::string label,
                   const shutdown& how, task_ptr core) {
  child_spec spec = spec_of(std::move(what), std::move(label), restart::temporary, how);
  const auto r = std::make_shared<task_request>(std::move(core));
  r->added = std::move(spec);
  supervisor_request::submit(r, supervisor);
}

child_start start_task_child(const process_ref& supervisor, body_ptr what,
                             const task_child_options& o) {
  return dynamic_supervisor_ref{supervisor}.start_child(
      spec_of(std::move(what), o.label, o.restart, o.shutdown));
}

std::vector<pid> pids_wait::pids() const {
  std::vector<pid> result;
  result.reserve(request->listing.size());
  for (const child_entry& child : request->listing) {
    if (child.process) result.push_back(child.process);
  }
  return result;
}

}  // namespace detail

child_spec task_supervisor(task_supervisor_spec spec) {
  return dynamic_supervisor(detail::underneath(std::move(spec)));
}

task_supervisor_ref start_task_supervisor(boost::asio::io_context& io, task_supervisor_spec spec) {
  return {start_supervisor(io, detail::underneath(std::move(spec))).get_pid()};
}

task_supervisor_ref start_task_supervisor_link(task_supervisor_spec spec) {
  return {start_supervisor_link(detail::underneath(std::move(spec))).get_pid()};
}

}  // namespace coppice
