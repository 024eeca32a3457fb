#include <coppice/run.hpp>

#include "attendant.hpp"
#include "bad_spec.hpp"
#include "supervisor/supervisor_process.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/process.hpp>
#include <coppice/watchdog.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>

namespace coppice {

namespace {

int code_for(const detail::supervisor_outcome& outcome, const detail::attendant& beside,
             const std::optional<exit_reason>& end) {
  if (beside.hurried()) return exit_hurried;
  if (!outcome.finished) {
    // The root has not come to its own end: it was stopped or killed from outside, or before it had
    // run at all, or it could not start because its name was taken.
    if (!end || !end->is_abnormal()) return beside.exit_code();
    return end->kind() == exit_reason::kind_type::killed ? exit_gave_up : exit_start_failed;
  }
  switch (outcome.cause) {
    case supervisor_end::cause::asked: return beside.exit_code();
    case supervisor_end::cause::automatic: return exit_stopped;
    case supervisor_end::cause::start_failed: return exit_start_failed;
    case supervisor_end::cause::gave_up: break;
  }
  return exit_gave_up;
}

}  // namespace

int run(supervisor_spec spec, const run_options& options) {
  boost::asio::io_context io{1};
  return run(io, std::move(spec), options);
}

int run(boost::asio::io_context& io, supervisor_spec spec, const run_options& options) {
  try {
    check(spec);
    detail::check_run_options(options);
  } catch (const std::invalid_argument& e) {
    return detail::tell_bad_spec(e);
  }
  detail::scheduler& home = detail::scheduler::of(io, "run");
  const auto outcome = std::make_shared<detail::supervisor_outcome>();
  const detail::setup_ptr setup = detail::setup_of(std::move(spec));
  // An io_context that has run out of work is stopped, and runs nothing until it is restarted.
  if (io.stopped()) io.restart();
  const supervisor_ref root = detail::start_supervisor(io, setup, outcome);
  const auto beside = std::make_shared<detail::attendant>(io, root.get_pid(), options);
  outcome->booted = [&home, setup, beside] {
    beside->ready();
    if (!home.listened_to()) return;
    home.tell(program_started{setup->name, self(), ::getpid()});
  };
  beside->begin();
  std::optional<watchdog> dog;
  if (!options.watchdog.is_infinity()) {
    dog.emplace(io, watchdog_options{.limit = options.watchdog.time()});
  }
  // The handler shares the variable: if the user stops the io_context, this function returns while
  // the root still runs.
  const auto end = std::make_shared<std::optional<exit_reason>>();
  await_exit(root.get_pid())([end, beside](boost::system::error_code, exit_reason reason) {
    *end = std::move(reason);
    beside->end();
  });
  // Other work of the user's io_context does not keep this function: it returns when the root ends.
  while (!*end && io.run_one() > 0) {
  }
  const int code = code_for(*outcome, *beside, *end);
  if (*end && home.listened_to()) {
    home.tell(program_stopped{setup->name, root.get_pid(), **end, code, outcome->killed});
  }
  return code;
}

}  // namespace coppice
