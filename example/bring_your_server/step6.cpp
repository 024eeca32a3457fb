// Step 6: a test. The server is that of step 5, with its real sessions and its real export; time,
// the network and what goes wrong are made by the test, from a seed.

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <coppice.hpp>
#include <coppice/acceptor.hpp>
#include <coppice/simulation_doctest.hpp>

#include <doctest/doctest.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <utility>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;
using coppice::fault_kind;

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

const tcp::endpoint scores_endpoint{asio::ip::address_v4::loopback(), 4000};
const tcp::endpoint collector_endpoint{asio::ip::address_v4::loopback(), 5000};

coppice::supervisor_spec make_tree() {
  auto exporting = [] { return export_totals(collector_endpoint.port()); };
  return {.name = "demo",
          .strategy = coppice::one_for_one,
          .intensity = 1'000,  // as many as a test makes
          .children = {coppice::server<scores>("scores"),
                       coppice::acceptor(scores_endpoint, session, {.name = "sessions"}),
                       coppice::worker("exporter", exporting)
                           .with_backoff({.min = 50ms, .max = 5s, .reset_after = 10s})}};
}

// A client over the network. It notes what it was told, and what it may have been given besides.
struct account {
  int told = 0;
  int asked = 0;
};

asio::awaitable<void> player(account& mine) {
  tcp::socket socket{co_await asio::this_coro::executor};
  co_await socket.async_connect(scores_endpoint, asio::use_awaitable);
  std::string input;
  for (int i = 0; i < 20; ++i) {
    co_await coppice::sleep_for(100ms);
    ++mine.asked;
    co_await asio::async_write(socket, asio::buffer("add ann 1\n", 10), asio::use_awaitable);
    auto room = asio::dynamic_buffer(input, 512);
    const auto size = co_await asio::async_read_until(socket, room, '\n', asio::use_awaitable);
    const std::string reply = input.substr(0, size - 1);
    input.erase(0, size);
    if (reply == "try again") continue;
    CHECK(std::stoi(reply) > mine.told);  // never fewer than before
    mine.told = std::stoi(reply);
  }
}

// The collector, which is there from some time on.
asio::awaitable<void> collector(std::string& heard) {
  tcp::acceptor acceptor{co_await asio::this_coro::executor, collector_endpoint};
  tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
  auto room = asio::dynamic_buffer(heard, 512);
  co_await asio::async_read_until(socket, room, '\n', asio::use_awaitable);
}

}  // namespace

TEST_CASE("points that somebody was told of are never lost, whatever happens to the server") {
  coppice::simulate({.seeds = 100,
                     .faults = {{.process = "scores", .kind = fault_kind::crash, .chance = 0.05},
                                {.process = "scores", .kind = fault_kind::kill, .chance = 0.05}}},
                    [](coppice::simulation& s) {
                      s.end_faults();  // until it is up
                      const auto program = coppice::start_supervisor(s.io(), make_tree());
                      s.run_for(1s);
                      s.begin_faults();
                      account ann;
                      const auto client = coppice::spawn(s.io(), [&ann] { return player(ann); });
                      s.run_until("the end of the client", [&] { return !client.alive(); });
                      CHECK(ann.asked == 20);
                      CHECK(ann.told <= 20);
                      program.stop()([](boost::system::error_code) {});
                      s.run();
                    });
}

TEST_CASE("a collector that is down for an hour costs nothing, and gets the totals then") {
  coppice::simulate(1, [](coppice::simulation& s) {
    const auto program = coppice::start_supervisor(s.io(), make_tree());
    s.run_for(1h);
    std::string heard;
    coppice::spawn(s.io(), [&heard] { return collector(heard); });
    s.run_for(10s);
    CHECK(heard == "0 names, 0 points\n");
    CHECK(program.alive());
    program.stop()([](boost::system::error_code) {});
    s.run();
  });
}
