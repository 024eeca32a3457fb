// becoming a supervisor and awaiting its end are two statements
#include <coppice.hpp>

boost::asio::awaitable<void> office(coppice::init_ack up) {
  co_await coppice::supervise({.strategy = coppice::one_for_one}, up).end();
}
