#include <coppice/applications.hpp>

#include "application_table.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/current_process.hpp>

#include <utility>

namespace coppice {

namespace {

using controller = detail::application_controller;

application_start begin(std::vector<std::string> names, restart type, controller::start_mode mode) {
  auto failure = std::make_shared<exit_reason>();
  controller::start_request request{std::move(names), type, mode, true, failure};
  auto pending = detail::controller().send_request(std::move(request));
  return detail::access::make<application_start>(std::move(pending), std::move(failure));
}

// The table of an io_context that no other thread runs.
std::shared_ptr<detail::application_table> table_of(boost::asio::io_context& io,
                                                    const char* function) {
  [[maybe_unused]] const auto& checked = detail::scheduler::of(io, function);
  return detail::application_table::of(io);
}
std::shared_ptr<detail::application_table> table_here() {
  return detail::application_table::of(detail::here().io());
}

}  // namespace

application_start start_application(std::string name, restart type) {
  return begin({std::move(name)}, type, controller::start_mode::start);
}

application_start ensure_started(std::string name, restart type) {
  return begin({std::move(name)}, type, controller::start_mode::ensure);
}

application_start ensure_all_started(std::vector<std::string> names, restart type) {
  return begin(std::move(names), type, controller::start_mode::ensure_all);
}

application_start ensure_all_started(std::string name, restart type) {
  return begin({std::move(name)}, type, controller::start_mode::ensure_all);
}

void load_application(application_spec spec) { table_here()->load(std::move(spec)); }

void load_application(boost::asio::io_context& io, application_spec spec) {
  table_of(io, "load_application")->load(std::move(spec));
}

void unload_application(std::string_view name) { table_here()->unload(name); }

application_env env_of(std::string_view name) { return table_here()->get(name).env; }

application_env env_of(boost::asio::io_context& io, std::string_view name) {
  return table_of(io, "env_of")->get(name).env;
}

std::vector<application_info> which_applications() { return table_here()->list(); }

std::vector<application_info> which_applications(boost::asio::io_context& io) {
  return table_of(io, "which_applications")->list();
}

}  // namespace coppice
