#include "acceptor.hpp"

#include "connection.hpp"

#include <coppice/child_spec.hpp>
#include <coppice/name.hpp>
#include <coppice/process.hpp>
#include <coppice/supervisor.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <iostream>
#include <sstream>
#include <utility>

namespace keyvalue {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

using acceptor_type = asio::basic_socket_acceptor<tcp, coppice::executor>;

void listen(acceptor_type& acceptor, const tcp::endpoint& endpoint) {
  try {
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address{true});
    acceptor.bind(endpoint);
    acceptor.listen();
  } catch (const boost::system::system_error& e) {
    std::ostringstream where;
    where << "cannot listen on " << endpoint;
    // Without the place in the source that the code carries: this is for the user of the program.
    throw boost::system::system_error{e.code().value(), e.code().category(), where.str()};
  }
}

// What passes by itself, or with time.
bool is_shortage(const boost::system::error_code& ec) {
  return ec == asio::error::no_descriptors ||
         ec == boost::system::errc::too_many_files_open_in_system ||
         ec == asio::error::no_buffer_space || ec == asio::error::no_memory;
}

}  // namespace

asio::awaitable<void, coppice::executor> accept_clients(coppice::init_ack up,
                                                        tcp::endpoint& endpoint, common& all) {
  using namespace std::chrono_literals;

  acceptor_type acceptor{co_await asio::this_coro::executor};
  listen(acceptor, endpoint);
  endpoint = acceptor.local_endpoint();
  std::cout << "listening on " << endpoint << std::endl;
  up.ready();

  const coppice::dynamic_supervisor_ref connections{coppice::whereis(connections_name)};
  while (true) {
    auto [failed, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::deferred));
    if (failed) {
      if (failed == asio::error::connection_aborted) continue;
      if (!is_shortage(failed)) throw boost::system::system_error{failed, "accept"};
      co_await coppice::sleep_for(50ms);
      continue;
    }
    auto body = [s = std::move(socket), &all]() mutable { return serve(std::move(s), all); };
    auto spec = coppice::worker("connection", std::move(body)).with_restart(coppice::temporary);
    auto starting = connections.start_child(std::move(spec));
    co_await starting.ready();
  }
}

}  // namespace keyvalue
