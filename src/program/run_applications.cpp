#include <coppice/run_applications.hpp>

#include "application/application_table.hpp"
#include "bad_spec.hpp"

#include <coppice/applications.hpp>
#include <coppice/init_ack.hpp>
#include <coppice/process.hpp>
#include <coppice/server.hpp>
#include <coppice/supervisor.hpp>
#include <coppice/task.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <utility>

namespace coppice {

namespace {

using detail::application_controller;
using detail::application_plan;
using detail::application_table;

constexpr auto as_result = asio::as_tuple(asio::deferred);

// Starts the applications of a program, each as its own type says, and is up when all are. One that
// is temporary may fail.
task<void> boot(std::shared_ptr<const application_plan> plan, init_ack up) {
  std::vector<std::string> names;
  for (const application_spec& spec : plan->specs) names.push_back(spec.name);
  const auto table = application_table::of(detail::here().io());
  const auto to = detail::controller();
  for (const std::string& name : table->start_order(names)) {
    const restart type = table->get(name).spec.type;
    const auto why = std::make_shared<exit_reason>();
    application_controller::start_request request{
        {name}, type, application_controller::start_mode::ensure, false, why};
    auto asking = to.call(std::move(request)).within(infinity);
    const auto [ec, started] = co_await asking.result()(as_result);
    if (!ec || type == temporary) continue;
    std::string text{"application "};
    text += name;
    text += " did not start: ";
    text += why->to_string();
    co_await up.fail(exit_reason::shutdown(text));
  }
  up.ready();
}

}  // namespace

supervisor_spec applications_spec(std::vector<application_spec> applications,
                                  program_options options) {
  auto made = std::make_shared<application_plan>(application_plan{
      std::move(applications), std::move(options.configuration), options.environment_variables});
  detail::check(*made);
  const std::shared_ptr<const application_plan> plan = std::move(made);
  auto start_all = [plan](init_ack up) { return boot(plan, up); };
  // In reverse: first nothing is started any more, then the applications are stopped.
  return {
      .name = std::move(options.name),
      .strategy = one_for_one,
      .intensity = 0,
      .children = {supervisor({.name = application_controller::supervisor_name,
                               .strategy = one_for_one,
                               .intensity = 0}),
                   server<application_controller>(application_controller::registered_name, plan),
                   worker("boot", std::move(start_all)).with_restart(temporary)}};
}

int run_applications(std::vector<application_spec> applications, program_options options) {
  boost::asio::io_context io{1};
  return run_applications(io, std::move(applications), std::move(options));
}

int run_applications(boost::asio::io_context& io, std::vector<application_spec> applications,
                     program_options options) {
  const run_options how = options.run;
  try {
    return run(io, applications_spec(std::move(applications), std::move(options)), how);
  } catch (const std::invalid_argument& e) {
    return detail::tell_bad_spec(e);
  }
}

}  // namespace coppice
