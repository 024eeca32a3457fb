#include "listener.hpp"

#include "session.hpp"

#include <coppice/child_spec.hpp>
#include <coppice/supervisor_ref.hpp>

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <iostream>
#include <utility>

namespace orders {

namespace asio = boost::asio;
using asio::ip::tcp;

asio::awaitable<void> listen(coppice::init_ack up, tcp::endpoint& endpoint) {
  tcp::acceptor acceptor{co_await asio::this_coro::executor, endpoint};
  endpoint = acceptor.local_endpoint();
  std::cout << "listening on " << endpoint << std::endl;
  up.ready();

  const coppice::dynamic_supervisor_ref sessions{sessions_name};
  while (true) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    auto body = [s = std::move(socket)]() mutable { return serve(std::move(s)); };
    sessions.start_child(
        coppice::worker("session", std::move(body)).with_restart(coppice::temporary));
  }
}

}  // namespace orders
