#include <coppice/stop_program.hpp>

#include "attendant.hpp"

#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/current_process.hpp>

#include <boost/asio/post.hpp>

namespace coppice {

void stop_program(int exit_code) { stop_program(detail::here().io(), exit_code); }

// Posted on every thread: so it does nothing while its caller still works.
void stop_program(boost::asio::io_context& io, int exit_code) {
  boost::asio::post(io, [&io, exit_code] {
    if (const auto beside = detail::attendant::of(io)) beside->stop(exit_code);
  });
}

}  // namespace coppice
