// Statements of a process beside which there are a server `sequence`, some bodies, and a task `fetch`.
#include <coppice.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

struct sequence {
  struct next {
    using reply = int;
  };
  struct add {
    int delta;
  };
  int handle(next);
  void handle(add m);
};

struct db {};
asio::awaitable<void> web(unsigned short port);
asio::awaitable<void> room(std::string name);
asio::awaitable<void> job();
asio::awaitable<std::string> fetch(std::string url);

inline asio::awaitable<void> process(asio::io_context& io, coppice::pid pid,
                                     std::vector<std::string> urls) {
  static_cast<void>(io);
  // fragment
  co_return;
}
