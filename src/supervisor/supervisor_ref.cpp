#include <coppice/supervisor_ref.hpp>

#include "supervisor_process.hpp"

#include <coppice/child_start.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/wait/current_process.hpp>

#include <any>
#include <memory>
#include <string_view>
#include <utility>

namespace coppice {

namespace detail {

// Makes a request to a supervisor. Throws on a thread from which that supervisor cannot be reached.
std::shared_ptr<supervisor_request> make_request(const process_ref& supervisor,
                                                 supervisor_request::kind_type kind,
                                                 std::string_view id) {
  check_reach(access::home(supervisor), "supervisor_ref");
  auto r = std::allocate_shared<supervisor_request>(pool_allocator<supervisor_request>{}, kind);
  r->id = id;
  return r;
}

std::shared_ptr<supervisor_request> make_request(const process_ref& supervisor,
                                                 supervisor_request::kind_type kind,
                                                 const pid& process) {
  auto r = make_request(supervisor, kind);
  r->process = process;
  return r;
}

namespace {

// A start is sent off at once, before anybody waits for it: so it is done even if the caller drops
// the child_start. The other requests are sent when they are awaited.
child_start submitted(std::shared_ptr<supervisor_request> r, const process_ref& supervisor) {
  supervisor_request::submit(r, supervisor);
  return access::make<child_start>(std::move(r), supervisor);
}

}  // namespace

}  // namespace detail

using detail::supervisor_request;

child_start supervisor_ref::start_child(child_spec spec) const {
  detail::check_added_child(spec);
  auto r = detail::make_request(to_, supervisor_request::kind_type::add);
  r->added = std::move(spec);
  return detail::submitted(std::move(r), to_);
}

child_start detail::start_from_template(const process_ref& supervisor, std::any argument) {
  auto r = make_request(supervisor, supervisor_request::kind_type::add_argument);
  r->argument = std::move(argument);
  return submitted(std::move(r), supervisor);
}

child_start dynamic_supervisor_ref::start_child(child_spec spec) const {
  detail::check_dynamic_child(spec);
  auto r = detail::make_request(to_, supervisor_request::kind_type::add_dynamic);
  r->added = std::move(spec);
  return detail::submitted(std::move(r), to_);
}

}  // namespace coppice
