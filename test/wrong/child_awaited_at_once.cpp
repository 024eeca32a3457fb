// starting and awaiting are two statements
#include <coppice.hpp>

boost::asio::awaitable<void> start(coppice::dynamic_supervisor_ref supervisor) {
  co_await supervisor.start_child(coppice::stash("stash")).ready();
}
