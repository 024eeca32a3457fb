// a process is given as a function without arguments
#include <coppice.hpp>

void start(boost::asio::io_context& io) {
  coppice::spawn(
      io, [] {}, "label");
}
