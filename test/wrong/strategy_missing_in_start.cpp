// the strategy of this supervisor is missing
#include <coppice.hpp>

void start(boost::asio::io_context& io) {
  coppice::start_supervisor(io, {.name = "root", .children = {coppice::stash("stash")}});
}
