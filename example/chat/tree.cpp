#include "tree.hpp"

#include "names.hpp"
#include "rooms.hpp"

#include <coppice/acceptor.hpp>
#include <coppice/child_spec.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <utility>

namespace chat {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_connections = 10'000;

coppice::child_spec make_clients(const common& all) {
  auto on_connection = [&all](boost::asio::ip::tcp::socket socket) {
    return serve(std::move(socket), all);
  };
  return coppice::acceptor(all.given.endpoint, std::move(on_connection),
                           {.name = clients_name,
                            .max_connections = most_connections,
                            .shutdown = 3s});
}

}  // namespace

// Stopped in reverse: first nobody is let in any more, then the users leave, then the rooms end.
coppice::supervisor_spec make_tree(const common& all) {
  return {.name = tree_name,
          .strategy = coppice::rest_for_one,
          .children = {make_rooms(), make_clients(all)}};
}

}  // namespace chat
