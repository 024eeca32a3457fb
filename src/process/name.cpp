#include <coppice/name.hpp>

#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/error.hpp>

#include <stdexcept>

namespace coppice {

// Names are those of Erlang's register/2: a process has at most one, and a name leads to at most
// one living process of its io_context. A name is free again before anybody hears of the process's
// end, so a restarted process can always take the name of its predecessor.

name_taken::name_taken(const std::string& name, const pid& holder)
    : system_error{make_error_code(errc::already_started), name}, holder_{holder} {}

name_taken::~name_taken() = default;

void register_name(std::string_view name) {
  if (name.empty()) throw std::invalid_argument{"coppice: a name must not be empty"};
  detail::process& me = detail::current_process();
  if (!me.home.names().add(me, name)) {
    throw name_taken{std::string{name}, me.home.whereis(name)};
  }
}

void unregister_name() {
  // Outside of a process there is no name to give up, so this is no error.
  detail::process* const me = detail::here().current();
  if (me != nullptr && me->extras) me->home.names().remove(me->extras->name);
}

pid whereis(std::string_view name) { return detail::here().whereis(name); }

pid whereis(boost::asio::io_context& io, std::string_view name) {
  return detail::scheduler::of(io, "whereis").whereis(name);
}

}  // namespace coppice
