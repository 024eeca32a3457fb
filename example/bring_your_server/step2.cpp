// Step 2: every connection is a process, and so is the export of the totals.
//
//     scores [PORT [COLLECTOR]]     ports on this machine; 0: any that is free
//
// Clients send lines: `add NAME POINTS`, `show NAME`, `drop NAME`. Ten times a second the totals go
// to a collector, if there is one. doc/bring-your-server.md goes on from here.

#include <coppice.hpp>
#include <coppice/acceptor.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <utility>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);  // errors are results

struct scores {  // shared by all
  std::map<std::string, int> points;
};

std::string answer(scores& all, const std::string& line) {
  std::istringstream words{line};
  std::string command, name;
  int points = 0;
  words >> command >> name;
  if (command == "add" && words >> points) return std::to_string(all.points[name] += points);
  if (command == "show") return std::to_string(all.points.at(name));  // a bug: nobody may have it
  if (command == "drop") return all.points.erase(name) != 0 ? "dropped" : "nobody";
  return "what?";
}

std::string totals(const scores& all) {
  int sum = 0;
  for (const auto& [name, points] : all.points) sum += points;
  return std::to_string(all.points.size()) + " names, " + std::to_string(sum) + " points\n";
}

asio::awaitable<void> session(tcp::socket socket, scores& all) {
  std::string input;
  while (true) {
    auto room = asio::dynamic_buffer(input, 512);
    const auto [ended, size] = co_await asio::async_read_until(socket, room, '\n', as_result);
    if (ended) co_return;
    const std::string reply = answer(all, input.substr(0, size)) + '\n';
    input.erase(0, size);
    const auto [lost, sent] = co_await asio::async_write(socket, asio::buffer(reply), as_result);
    if (lost) co_return;
  }
}

asio::awaitable<void> export_totals(std::uint16_t collector, scores& all) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::socket socket{executor};
  const tcp::endpoint where{asio::ip::address_v4::loopback(), collector};
  co_await socket.async_connect(where, asio::use_awaitable);
  asio::steady_timer timer{executor};
  while (true) {
    const std::string line = totals(all);
    co_await asio::async_write(socket, asio::buffer(line), asio::use_awaitable);
    timer.expires_after(100ms);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> announce() {
  std::cout << "listening on " << coppice::acceptor_ref{"scores"}.local_endpoint() << std::endl;
  co_return;
}

std::uint16_t port_of(const char* text) {
  std::uint16_t port = 0;
  const auto [stop, error] = std::from_chars(text, text + std::strlen(text), port);
  if (error == std::errc{} && *stop == '\0') return port;
  std::cerr << "usage: scores [PORT [COLLECTOR]]\n";
  std::exit(64);
}

}  // namespace

int main(int argc, char** argv) {
  const tcp::endpoint where{asio::ip::address_v4::loopback(), port_of(argc > 1 ? argv[1] : "4000")};
  const std::uint16_t collector = argc > 2 ? port_of(argv[2]) : 0;
  scores all;  // outlives the processes that refer to it
  auto talk = [&all](tcp::socket socket) { return session(std::move(socket), all); };
  coppice::supervisor_spec tree{
      .name = "demo",
      .strategy = coppice::one_for_one,
      .children = {coppice::acceptor(where, talk, {.name = "scores"}),
                   coppice::worker("announce", announce).with_restart(coppice::transient)}};
  if (collector != 0) {
    auto body = [collector, &all] { return export_totals(collector, all); };
    tree.children.push_back(coppice::worker("exporter", std::move(body)));
  }
  return coppice::run(std::move(tree));
}
