#include <coppice/supervisor_ref.hpp>

#include "supervisor_process.hpp"

#include <coppice/child_start.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/wait/current_process.hpp>

#include <memory>
#include <string_view>
#include <utility>

namespace coppice {

namespace detail {

namespace {

// A request to that supervisor; refused where it cannot be reached from.
std::shared_ptr<supervisor_request> make_request(const process_ref& supervisor,
                                                 supervisor_request::kind_type kind,
                                                 std::string_view id = {}) {
  check_reach(supervisor.home(), "supervisor_ref");
  auto r = std::allocate_shared<supervisor_request>(pool_allocator<supervisor_request>{}, kind);
  r->id = id;
  return r;
}

child_start submitted(std::shared_ptr<supervisor_request> r, const process_ref& supervisor) {
  supervisor_request::submit(r, supervisor);
  return child_start{std::move(r), supervisor};
}

}  // namespace

}  // namespace detail

using detail::supervisor_request;

detail::start_operation child_start::ready() & {
  return detail::start_operation{{{request_, supervisor_}}};
}

detail::request_operation supervisor_handle::ready() const {
  return detail::request_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::ready), to_}}};
}

detail::stop_operation supervisor_handle::stop(
    exit_reason reason, std::optional<std::chrono::steady_clock::duration> limit) const {
  return detail::stop_operation{{to_, std::move(reason), limit}};
}

detail::listing_operation supervisor_handle::which_children() const {
  return detail::listing_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::which), to_}}};
}

detail::count_operation supervisor_handle::count_children() const {
  return detail::count_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::count), to_}}};
}

child_start supervisor_ref::start_child(child_spec spec) const {
  detail::check_added_child(spec);
  auto r = detail::make_request(to_, supervisor_request::kind_type::add);
  r->added = std::move(spec);
  return detail::submitted(std::move(r), to_);
}

child_start supervisor_ref::start_child(std::any argument) const {
  auto r = detail::make_request(to_, supervisor_request::kind_type::add_argument);
  r->argument = std::move(argument);
  return detail::submitted(std::move(r), to_);
}

detail::request_operation supervisor_ref::terminate_child(std::string_view id) const {
  return detail::request_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::terminate, id), to_}}};
}

detail::request_operation supervisor_ref::terminate_child(const pid& process) const {
  auto r = detail::make_request(to_, supervisor_request::kind_type::terminate_process);
  r->process = process;
  return detail::request_operation{{{std::move(r), to_}}};
}

detail::start_operation supervisor_ref::restart_child(std::string_view id) const {
  return detail::start_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::restart, id), to_}}};
}

detail::request_operation supervisor_ref::delete_child(std::string_view id) const {
  return detail::request_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::erase, id), to_}}};
}

detail::entry_operation supervisor_ref::which_child(std::string_view id) const {
  return detail::entry_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::which_one, id), to_}}};
}

detail::entry_operation supervisor_ref::which_child(const pid& process) const {
  auto r = detail::make_request(to_, supervisor_request::kind_type::which_process);
  r->process = process;
  return detail::entry_operation{{{std::move(r), to_}}};
}

detail::spec_operation supervisor_ref::get_child_spec(std::string_view id) const {
  return detail::spec_operation{
      {{detail::make_request(to_, supervisor_request::kind_type::spec, id), to_}}};
}

child_start dynamic_supervisor_ref::start_child(child_spec spec) const {
  detail::check_dynamic_child(spec);
  auto r = detail::make_request(to_, supervisor_request::kind_type::add_dynamic);
  r->added = std::move(spec);
  return detail::submitted(std::move(r), to_);
}

detail::request_operation dynamic_supervisor_ref::terminate_child(const pid& process) const {
  return supervisor_ref{to_}.terminate_child(process);
}

detail::entry_operation dynamic_supervisor_ref::which_child(const pid& process) const {
  return supervisor_ref{to_}.which_child(process);
}

}  // namespace coppice
