// Step 5: what operations want: a stop in order and in time, reports, readiness, a watchdog.
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
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
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

class scores {
 public:
  struct add {
    using reply = int;  // a call: whoever sends it waits for an int
    std::string name;
    int points;
  };
  struct show {
    using reply = int;
    std::string name;
  };
  struct drop {  // a cast: nobody waits
    std::string name;
  };
  struct totals {
    using reply = std::string;
  };

  int handle(const add& m) { return points_[m.name] += m.points; }
  int handle(const show& m) const { return points_.at(m.name); }  // the bug
  void handle(const drop& m) { points_.erase(m.name); }
  std::string handle(totals) const {
    int sum = 0;
    for (const auto& [name, points] : points_) sum += points;
    return std::to_string(points_.size()) + " names, " + std::to_string(sum) + " points\n";
  }

  // The last word, when all sessions have ended.
  void terminate(const coppice::exit_reason& why) const {
    if (!why.is_abnormal()) std::cout << "at the end: " << handle(totals{}) << std::flush;
  }
  // Taken when the server ends, in whatever way, and given to the next one.
  std::map<std::string, int> state() const { return points_; }
  void restore(std::map<std::string, int> points) { points_ = std::move(points); }

 private:
  std::map<std::string, int> points_;
};

// Each call is made, and awaited in the next statement: the shape that is right with g++ 12 too.
asio::awaitable<std::string> answer(std::string line) {
  const coppice::server_ref<scores> all{"scores"};
  std::istringstream words{line};
  std::string command, name;
  int points = 0;
  words >> command >> name;
  if (command == "add" && words >> points) {
    auto adding = all.call<scores::add>(name, points);
    const auto [failed, total] = co_await std::move(adding)(as_result);
    co_return failed ? "try again" : std::to_string(total);
  }
  if (command == "show") {
    auto asking = all.call<scores::show>(name);
    const auto [failed, total] = co_await std::move(asking)(as_result);
    co_return failed ? "try again" : std::to_string(total);
  }
  if (command == "drop") all.cast<scores::drop>(name);
  co_return command == "drop" ? "ok" : "what?";
}

asio::awaitable<void> session(tcp::socket socket) {
  std::string input;
  while (true) {
    auto room = asio::dynamic_buffer(input, 512);
    auto reading = asio::async_read_until(socket, room, '\n', asio::as_tuple(asio::deferred));
    const auto [ended, size] = co_await coppice::with_deadline(std::move(reading), 10min);
    if (ended) co_return;
    std::string reply = co_await answer(input.substr(0, size));
    reply += '\n';
    input.erase(0, size);
    const auto [lost, sent] = co_await asio::async_write(socket, asio::buffer(reply), as_result);
    if (lost) co_return;
  }
}

asio::awaitable<void> export_totals(std::uint16_t collector) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::socket socket{executor};
  const tcp::endpoint where{asio::ip::address_v4::loopback(), collector};
  co_await socket.async_connect(where, asio::use_awaitable);
  asio::steady_timer timer{executor};
  const coppice::server_ref<scores> all{"scores"};
  while (true) {
    const std::string line = co_await all.call<scores::totals>();
    co_await asio::async_write(socket, asio::buffer(line), asio::use_awaitable);
    timer.expires_after(100ms);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> announce() {
  std::cout << "listening on " << coppice::acceptor_ref{"sessions"}.local_endpoint() << std::endl;
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
  coppice::supervisor_spec tree{
      .name = "demo",
      .strategy = coppice::one_for_one,
      .children = {coppice::server<scores>("scores"),
                   coppice::acceptor(where, session,
                                     {.name = "sessions", .max_connections = 1'000, .drain = 3s}),
                   coppice::worker("announce", announce).with_restart(coppice::transient)}};
  if (collector != 0) {
    auto body = [collector] { return export_totals(collector); };
    tree.children.push_back(coppice::worker("exporter", std::move(body))
                                .with_backoff({.min = 50ms, .max = 5s, .reset_after = 10s}));
  }

  asio::io_context io{1};
  // All from info on, and what repeats itself summed up.
  auto sink = [](const coppice::report& r) { print_report(r, {}, coppice::severity::info); };
  coppice::set_report_sink(io, coppice::sum_up(io, sink));
  return coppice::run(io, std::move(tree),
                      {.stop_within = 10s,                // and nobody is waited for longer
                       .watchdog = 200ms,                 // names who blocks the loop for so long
                       .dump_on_sigusr1 = true,           // who waits for what
                       .notify_service_manager = true});  // Type=notify, WatchdogSec=
}
