#include <coppice/controlling_process.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/error.hpp>
#include <coppice/process.hpp>

#include <boost/system/system_error.hpp>

#include <stdexcept>

namespace coppice::detail {

// An object of Asio completes through its executor, so it belongs to the process of its executor.
// To hand an object over is to give it the executor of another process. This works within one
// io_context only, as the object is registered with the reactor of its own.

executor new_owner(const pid& id, const asio::execution_context& context) {
  process* const p = access::slot(id);
  if (p == nullptr || !p->home.takes_signals(*p)) {
    throw boost::system::system_error{make_error_code(errc::noproc),
                                      "controlling_process: " + id.to_string()};
  }
  if (&p->home.io() != &context) {
    throw std::invalid_argument{
        "coppice::controlling_process: the object is on another io_context than the process"};
  }
  p->waits_here = false;
  return access::make<executor>(*p, id.number());
}

executor new_owner(const asio::execution_context& context) {
  return new_owner(current_process().id(), context);
}

}  // namespace coppice::detail
