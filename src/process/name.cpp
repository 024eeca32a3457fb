#include <coppice/name.hpp>

#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/error.hpp>

#include <stdexcept>

namespace coppice {

name_taken::name_taken(const std::string& name, const pid& holder)
    : system_error{make_error_code(errc::already_started), name}, holder_{holder} {}

name_taken::~name_taken() = default;

void register_name(std::string_view name) {
  if (name.empty()) throw std::invalid_argument{"coppice: a name must not be empty"};
  detail::process& me = detail::current_process();
  if (!me.home.register_name(me, name)) {
    throw name_taken{std::string{name}, me.home.whereis(name)};
  }
}

void unregister_name() {
  if (detail::process* me = detail::here().current(); me != nullptr) me->home.unregister_name(*me);
}

pid whereis(std::string_view name) { return detail::here().whereis(name); }

pid whereis(boost::asio::io_context& io, std::string_view name) {
  return detail::scheduler::of(io, "whereis").whereis(name);
}

}  // namespace coppice
