#include "pipe_interface.hpp"
#include "terminal_interface.hpp"
#include "user_interface.hpp"

#include <unistd.h>

namespace sequence {

std::unique_ptr<user_interface> make_user_interface(boost::asio::io_context& io) {
  if (::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0) {
    return std::make_unique<terminal_interface>(io);
  }
  return std::make_unique<pipe_interface>(io);
}

}  // namespace sequence
