#include "application_master.hpp"

#include <coppice/detail/application/application_controller.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/init_ack.hpp>
#include <coppice/process.hpp>
#include <coppice/report.hpp>
#include <coppice/server_ref.hpp>
#include <coppice/supervise.hpp>
#include <coppice/task.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace coppice::detail {

namespace {

std::string named(const application_run& run, const char* what) {
  std::string text{"application "};
  text += run.spec.name;
  text += ": ";
  text += what;
  return text;
}

// What a callback throws is told as a crash of the process that called it, and changes nothing else.
void tell_failed(const application_run& run, const char* callback) {
  scheduler& home = here();
  const exit_reason why = exit_reason::error(std::current_exception());
  const std::string label = named(run, callback);
  if (home.listened_to()) home.tell(process_crashed{self(), label, why});
}

// Calls the start function. What that throws says who has thrown it, unless the application has
// been asked to stop meanwhile, which is no failure.
task<application_tree> call_start(const run_ptr& run) {
  try {
    auto starting = run->spec.start(run->env);
    application_tree tree = co_await std::move(starting);
    co_return tree;
  } catch (const boost::system::system_error& e) {
    if (e.code() == asio::error::operation_aborted) throw;
    std::throw_with_nested(std::runtime_error{named(*run, "its start function failed")});
  } catch (...) {
    std::throw_with_nested(std::runtime_error{named(*run, "its start function failed")});
  }
}

task<void> call_back(run_ptr run, stop_callback callback, const char* name) {
  try {
    auto running = callback();
    co_await std::move(running);
  } catch (...) {
    tell_failed(*run, name);
  }
}

// The top supervisor, which keeps its end for the master.
task<void> top_supervisor(run_ptr run, std::shared_ptr<const supervisor_spec> spec, init_ack up) {
  run->top = self();
  auto life = supervise(*spec, up);
  const supervisor_end end = co_await life.end();
  run->reason = end.reason;
  co_await exit(end.reason);
}

// Waits until it is asked to stop, which comes before anything else of the application is.
task<void> before_stop(run_ptr run, stop_callback callback, init_ack up) {
  up.ready();
  for (bool asked = false; !asked;) {
    const auto [ec] = co_await sleep_for(std::chrono::hours{24})(asio::as_tuple(asio::deferred));
    asked = static_cast<bool>(ec);
  }
  if (!run->top.alive()) co_return;
  auto calling = call_back(run, std::move(callback), "prep_stop");
  co_await std::move(calling);
}

supervisor_spec tree_of(const run_ptr& run, application_tree tree) {
  const auto root = std::make_shared<const supervisor_spec>(std::move(tree.root));
  check(*root);
  supervisor_spec spec{
      .strategy = one_for_one, .intensity = 0, .auto_shutdown = auto_shutdown::any_significant};
  auto top = [run, root](init_ack up) { return top_supervisor(run, root, up); };
  spec.children.push_back(worker(root->name.empty() ? "top" : root->name, std::move(top))
                              .with_type(child_type::supervisor)
                              .with_restart(temporary)
                              .with_significant());
  if (tree.prep_stop) {
    auto waiting = [run, f = std::move(tree.prep_stop)](init_ack up) {
      return before_stop(run, f, up);
    };
    spec.children.push_back(
        worker("prep_stop", std::move(waiting)).with_restart(temporary).with_shutdown(infinity));
  }
  return spec;
}

// Tells how it has ended, unless somebody kills it before.
void tell_end(application_run& run, const exit_reason& reason) {
  run.told = true;
  scheduler& home = here();
  if (!home.listened_to()) return;
  home.tell(application_stopped{run.spec.name, run.master, reason, run.type, run.ends_program()});
}

task<void> run_tree(const run_ptr& run) {
  auto starting = call_start(run);
  application_tree tree = co_await std::move(starting);
  const stop_callback stop = tree.stop;
  const supervisor_spec spec = tree_of(run, std::move(tree));
  const server_ref<application_controller> to{application_controller::registered_name};
  auto life = supervise(spec, [run, to] {
    scheduler& home = here();
    if (home.listened_to())
      home.tell(application_started{run->spec.name, self(), run->top, run->type});
    to.cast(application_controller::up{run});
  });
  const supervisor_end end = co_await life.end();
  if (end.why == supervisor_end::cause::start_failed) {
    run->reason = end.reason;
    co_await exit(end.reason);
  }
  if (end.why == supervisor_end::cause::asked) {
    run->asked = true;
    run->reason = end.reason;
  }
  if (stop) {
    auto calling = call_back(run, stop, "stop");
    co_await std::move(calling);
  }
  run->kill_leftovers(here().io());
  tell_end(*run, run->reason);
  co_await exit(run->reason);
}

task<void> master(run_ptr run, init_ack up) {
  run->master = self();
  current_process().application = run->number;
  up.ready();
  try {
    auto running = run_tree(run);
    co_await std::move(running);
  } catch (...) {
    // So the controller hears of it although it may not watch this process yet.
    run->reason = exit_reason::error(std::current_exception());
    throw;
  }
}

}  // namespace

child_spec application_master(run_ptr run) {
  auto body = [run](init_ack up) { return master(run, up); };
  return worker(run->spec.name, std::move(body))
      .with_type(child_type::supervisor)
      .with_restart(temporary)
      .with_shutdown(run->spec.shutdown);
}

}  // namespace coppice::detail
