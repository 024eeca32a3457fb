#include <coppice/detail/application/application_controller.hpp>

#include "application_master.hpp"
#include "application_table.hpp"

#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/process.hpp>
#include <coppice/report.hpp>
#include <coppice/supervisor_ref.hpp>
#include <coppice/task.hpp>
#include <coppice/this_server.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <algorithm>
#include <ranges>
#include <stdexcept>
#include <utility>

namespace coppice::detail {

namespace {

using controller_ref = server_ref<application_controller>;
using names_reply = reply_to<application_names>;

constexpr auto as_result = asio::as_tuple(asio::deferred);

exit_reason why_not(const std::string& name, const char* what, const std::string& other = {}) {
  std::string text{"application "};
  text += name;
  text += what;
  text += other;
  return exit_reason::error(text);
}

// Has the supervisor of all applications start a master. It is up at once, and tells the controller
// by itself when its tree is.
task<void> ask_for_master(run_ptr run, controller_ref to) {
  const supervisor_ref masters{application_controller::supervisor_name};
  child_start adding = masters.start_child(application_master(run));
  const auto [ec, child] = co_await adding.ready()(as_result);
  if (!ec) {
    to.cast(application_controller::begun{run});
    co_return;
  }
  exit_reason why = exit_reason::error(ec.message());
  if (ec == errc::start_failed) why = adding.failure();
  to.cast(application_controller::refused{run, why});
}

task<void> ask_for_stop(run_ptr run) {
  const supervisor_ref masters{application_controller::supervisor_name};
  co_await masters.terminate_child(run->spec.name)(as_result);
}

// Starts several applications, one after the other, as a process of its own: the controller goes on
// meanwhile. OTP does this in the process of the caller.
task<void> start_all(application_controller::start_request m, names_reply reply,
                     controller_ref to) {
  using request = application_controller::start_request;
  application_names started;
  for (const std::string& name : m.names) {
    const auto why = std::make_shared<exit_reason>();
    request one{{name}, m.type, application_controller::start_mode::ensure, m.may_end_program, why};
    auto asking = to.call(std::move(one)).within(infinity);
    const auto [ec, names] = co_await asking.result()(as_result);
    if (!ec) {
      started.insert(started.end(), names.begin(), names.end());
      continue;
    }
    for (const std::string& other : started | std::views::reverse) {
      auto stopping = to.call<application_controller::stop_request>(other).within(infinity);
      co_await stopping.result()(as_result);
    }
    *m.failure = *why;
    std::move(reply).fail(ec);
    co_return;
  }
  std::move(reply)(std::move(started));
}

}  // namespace

server_ref<application_controller> controller() {
  return controller_ref{application_controller::registered_name};
}

application_controller::application_controller(const std::shared_ptr<const application_plan>& plan)
    : table_{application_table::of(here().io())} {
  table_->load_all(*plan);
}

application_controller::~application_controller() { table_->clear(); }

// ---- Starts

void application_controller::handle(start_request m, names_reply reply) {
  if (m.mode != start_mode::ensure_all) return start_one(std::move(m), std::move(reply));
  try {
    m.names = table_->start_order(m.names);
  } catch (const std::invalid_argument&) {
    const exit_reason why = exit_reason::error(std::current_exception());
    return refuse(std::move(m), std::move(reply), errc::not_found, why);
  }
  auto starting = start_all(std::move(m), std::move(reply), controller());
  spawn(std::move(starting), "application_start");
}

void application_controller::start_one(start_request m, names_reply reply) {
  const std::string name = m.names.front();
  application_table::loaded* const found = table_->find(name);
  if (found == nullptr) {
    return refuse(std::move(m), std::move(reply), errc::not_found, why_not(name, " is not loaded"));
  }
  using state = application_run::state_type;
  if (found->run && found->run->state == state::starting) {
    found->run->starters.emplace_back(std::move(reply), m.failure);
    return;
  }
  if (found->run && found->run->state == state::stopping) {
    return refuse(std::move(m), std::move(reply), errc::start_failed,
                  why_not(name, " is being stopped"));
  }
  if (found->run || found->started_alone) {
    if (m.mode == start_mode::ensure) return std::move(reply)(application_names{});
    m.may_end_program = false;
    return refuse(std::move(m), std::move(reply), errc::already_started,
                  why_not(name, " runs already"));
  }
  const std::string missing = table_->first_missing(found->spec);
  if (!missing.empty()) {
    return refuse(std::move(m), std::move(reply), errc::not_started,
                  why_not(name, " needs one that is not started: ", missing));
  }
  try {
    table_->check_environment(*found);
  } catch (const config_error&) {
    const exit_reason why = exit_reason::error(std::current_exception());
    return refuse(std::move(m), std::move(reply), errc::start_failed, why);
  }
  if (!found->spec.start) {
    found->started_alone = true;
    scheduler& home = here();
    if (home.listened_to()) home.tell(application_started{name, {}, {}, m.type});
    return std::move(reply)(application_names{name});
  }
  const auto run =
      std::make_shared<application_run>(found->spec, found->env, m.type, table_->next_number());
  run->may_end_program = m.may_end_program;
  run->starters.emplace_back(std::move(reply), m.failure);
  found->run = run;
  auto asking = ask_for_master(run, controller());
  spawn(std::move(asking), "application_start");
}

// Fails a start that has not begun.
void application_controller::refuse(start_request m, names_reply reply, errc code,
                                    exit_reason why) {
  *m.failure = why;
  std::move(reply).fail(code);
  if (!m.may_end_program || m.type == restart::temporary) return;
  give_up wish{m.names.front(), std::move(why)};
  this_server::continue_with(*this, std::move(wish));
}

void application_controller::handle(const begun& m) { this_server::monitor(m.run->master); }

void application_controller::handle(const up& m) {
  m.run->state = application_run::state_type::running;
  for (auto& [reply, failure] : m.run->starters) {
    std::move(reply)(application_names{m.run->spec.name});
  }
  m.run->starters.clear();
}

void application_controller::handle(const refused& m) {
  const std::shared_ptr<application_run> run = m.run;
  start_failed(*run, m.reason);
}

void application_controller::start_failed(application_run& run, const exit_reason& why) {
  forget(run);
  for (auto& [reply, failure] : run.starters) {
    *failure = why;
    std::move(reply).fail(errc::start_failed);
  }
  run.starters.clear();
  if (!run.may_end_program || run.type == restart::temporary) return;
  give_up wish{run.spec.name, why};
  this_server::continue_with(*this, std::move(wish));
}

void application_controller::handle(const give_up& m) {
  std::string text{"application "};
  text += m.name;
  text += " did not start: ";
  text += m.why.to_string();
  throw exit_exception{exit_reason::shutdown(text)};
}

// ---- Ends

void application_controller::handle(stop_request m, reply_to<void> reply) {
  application_table::loaded* const found = table_->find(m.name);
  if (found != nullptr && found->started_alone) {
    found->started_alone = false;
    return std::move(reply)();
  }
  using state = application_run::state_type;
  if (found == nullptr || !found->run || found->run->state == state::starting) {
    return std::move(reply).fail(errc::not_started);
  }
  application_run& run = *found->run;
  run.stoppers.push_back(std::move(reply));
  if (std::exchange(run.state, state::stopping) == state::stopping) return;
  run.asked = true;
  auto asking = ask_for_stop(found->run);
  spawn(std::move(asking), "application_stop");
}

void application_controller::handle(const down& m) {
  const std::shared_ptr<application_run> run = table_->run_of(m.process);
  if (!run) return;
  run->kill_leftovers(here().io());
  if (run->state == application_run::state_type::starting) {
    start_failed(*run, run->reason);
  } else {
    forget(*run);
    scheduler& home = here();
    if (!run->told && home.listened_to()) {
      home.tell(application_stopped{run->spec.name, run->master, run->reason, run->type,
                                    run->ends_program()});
    }
  }
  for (reply_to<void>& reply : run->stoppers) std::move(reply)();
  run->stoppers.clear();
  if (run->state == application_run::state_type::starting || !run->ends_program()) return;
  std::string text{"application "};
  text += run->spec.name;
  text += " ended: ";
  text += run->reason.to_string();
  throw exit_exception{exit_reason::shutdown(text)};
}

void application_controller::forget(const application_run& run) {
  if (application_table::loaded* const found = table_->find(run.spec.name)) found->run.reset();
}

}  // namespace coppice::detail
