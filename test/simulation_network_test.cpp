#include "support/simulation_failure.hpp"

#include <coppice.hpp>
#include <coppice/acceptor.hpp>
#include <coppice/simulation_doctest.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <array>
#include <chrono>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// The simulated network.

namespace asio = boost::asio;
using namespace std::chrono_literals;
using asio::ip::tcp;
using coppice::simulate;
using coppice::simulated_order;
using coppice::simulation;

namespace {

// Answers one connection with what it hears, until that ends.
asio::awaitable<void> echo(tcp::acceptor& from) {
  tcp::socket s = co_await from.async_accept(asio::use_awaitable);
  try {
    for (;;) {
      char room[64];
      const std::size_t n = co_await s.async_read_some(asio::buffer(room), asio::use_awaitable);
      co_await asio::async_write(s, asio::buffer(room, n), asio::use_awaitable);
    }
  } catch (const boost::system::system_error&) {
    // The client has gone, or the connection has broken.
  }
}

// Says so many words, and hears them again.
asio::awaitable<void> client(tcp::endpoint to, int words, std::string& heard) {
  tcp::socket s{co_await asio::this_coro::executor};
  co_await s.async_connect(to, asio::use_awaitable);
  for (int i = 0; i < words; ++i) {
    const std::string word = std::to_string(10'000 + i);
    co_await asio::async_write(s, asio::buffer(word), asio::use_awaitable);
    std::string reply(5, ' ');
    co_await asio::async_read(s, asio::buffer(reply), asio::use_awaitable);
    CHECK(reply == word);
    heard += reply;
  }
}

const tcp::endpoint here{asio::ip::address_v4::loopback(), 0};

// The error that a client hears, if any.
std::set<std::string> errors_of_clients(const coppice::simulation_options& o) {
  std::set<std::string> errors;
  simulate(o, [&](simulation& s) {
    std::optional<tcp::acceptor> a;
    try {
      a.emplace(s.io(), here);
    } catch (const boost::system::system_error& e) {
      errors.insert(e.code().message());
      return;
    }
    std::string heard;
    asio::co_spawn(s.io(), echo(*a), [&](std::exception_ptr e) {
      if (e != nullptr) a->close();  // and with it the connection that it could not accept
    });
    asio::co_spawn(s.io(), client(a->local_endpoint(), 100, heard), [&](std::exception_ptr e) {
      a->close();
      if (e == nullptr) return;
      try {
        std::rethrow_exception(e);
      } catch (const boost::system::system_error& error) {
        errors.insert(error.code().message());
      }
    });
    s.run();
  });
  return errors;
}

// Two sockets that are connected with each other.
struct connection {
  explicit connection(simulation& s) : one{s.io()}, other{s.io()} {
    tcp::acceptor a{s.io(), here};
    one.connect(a.local_endpoint());
    a.accept(other);
  }
  tcp::socket one;
  tcp::socket other;
};

coppice::simulation_options with_network(const coppice::network_conditions& n) {
  return {.seeds = 20, .network = n, .draw_faults = false};
}

}  // namespace

TEST_CASE("sockets of Asio's talk within the simulation, in pieces and with pauses") {
  simulate({.seeds = 50, .network = {.short_read = 0.2, .short_write = 0.1}}, [](simulation& s) {
    tcp::acceptor a{s.io(), here};
    std::string heard;
    asio::co_spawn(s.io(), echo(a), asio::detached);
    asio::co_spawn(s.io(), client(a.local_endpoint(), 100, heard), asio::detached);
    s.run();
    CHECK(heard.size() == 500);
    CHECK(s.elapsed() >= 4ms);  // two hundred journeys
    CHECK(s.elapsed() < 1s);
  });
}

TEST_CASE("a socket that blocks lets time pass until it has what it waits for") {
  simulate(1, [](simulation& s) {
    tcp::acceptor a{s.io(), here};
    tcp::socket one{s.io()};
    one.connect(a.local_endpoint());
    tcp::socket other = a.accept();
    CHECK(other.remote_endpoint() == one.local_endpoint());
    asio::write(one, asio::buffer("word", 4));
    one.shutdown(tcp::socket::shutdown_send);
    char room[8];
    CHECK(asio::read(other, asio::buffer(room, 4)) == 4);
    boost::system::error_code ec;
    other.read_some(asio::buffer(room), ec);
    CHECK(ec == asio::error::eof);
    CHECK(s.elapsed() > 0ns);
  });
}

TEST_CASE("connections are refused and reset, and sockets not to be had, as often as it is said") {
  CHECK(errors_of_clients({}).empty());
  const auto refused = errors_of_clients({.network = {.refuse = 1}});
  CHECK(refused == std::set<std::string>{"Connection refused"});
  const auto reset = errors_of_clients({.network = {.reset = 0.1}});
  CHECK(reset.contains("Connection reset by peer"));
  const auto none = errors_of_clients({.network = {.no_descriptor = 0.5}});
  CHECK(none.contains("Too many open files"));
}

TEST_CASE("nobody listens where nobody listens, and two do not listen at the same place") {
  simulate(1, [](simulation& s) {
    boost::system::error_code ec;
    tcp::socket one{s.io()};
    one.connect({asio::ip::address_v4::loopback(), 7}, ec);
    CHECK(ec == asio::error::connection_refused);
    tcp::acceptor a{s.io(), here};
    tcp::acceptor b{s.io(), tcp::v4()};
    b.bind(a.local_endpoint(), ec);
    CHECK(ec == asio::error::address_in_use);
  });
}

TEST_CASE("what is written arrives whole or in pieces, and is taken whole or in part") {
  const std::string text(1'000, 'x');
  const auto written_at_once = [&text](connection& c) {
    return c.one.write_some(asio::buffer(text));
  };
  const auto read_at_once = [&text](connection& c) {
    asio::write(c.one, asio::buffer(text));
    std::array<char, 1'000> room{};
    return c.other.read_some(asio::buffer(room));
  };
  simulate(with_network({}), [&](simulation& s) {
    connection c{s};
    CHECK(read_at_once(c) == text.size());
  });
  simulate(with_network({.short_read = 1}), [&](simulation& s) {
    connection c{s};
    CHECK(read_at_once(c) < text.size());
  });
  simulate(with_network({}), [&](simulation& s) {
    connection c{s};
    CHECK(written_at_once(c) == text.size());
  });
  simulate(with_network({.short_write = 1}), [&](simulation& s) {
    connection c{s};
    CHECK(written_at_once(c) < text.size());
  });
}

TEST_CASE("of two sockets that are ready at the same time, chance decides which comes first") {
  std::set<std::string> orders;
  const auto play = [&orders](simulation& s) {
    std::string order;
    connection a{s};
    connection b{s};
    std::array<char, 8> room{};
    a.other.async_receive(asio::buffer(room), [&](auto, auto) { order += 'a'; });
    b.other.async_receive(asio::buffer(room), [&](auto, auto) { order += 'b'; });
    a.one.send(asio::buffer("x", 1));
    b.one.send(asio::buffer("x", 1));
    s.run();
    orders.insert(order);
  };
  simulate({.seeds = 50,
            .network = {.latency_min = 1ms, .latency_max = 1ms},
            .order = simulated_order::random},
           play);
  CHECK(orders == std::set<std::string>{"ab", "ba"});
}

TEST_CASE("a socket that is left open is told") {
  const std::string why = failure_of({}, [](simulation&) { ::socket(AF_INET, SOCK_STREAM, 0); });
  CHECK(contains(why, "1 sockets or other descriptors are still open"));
}

TEST_CASE("threads that simulate at the same time take the course that each would take alone") {
  const auto play = [] {
    std::vector<std::pair<std::size_t, simulation::duration>> ends;
    simulate({.seeds = 40, .network = {.short_read = 0.2, .short_write = 0.1}}, [&](simulation& s) {
      tcp::acceptor a{s.io(), here};
      std::string heard;
      asio::co_spawn(s.io(), echo(a), asio::detached);
      asio::co_spawn(s.io(), client(a.local_endpoint(), 50, heard), asio::detached);
      std::thread sleeper{[&heard] {
        std::this_thread::sleep_for(1ms);
        heard += "slept";
      }};
      s.run();
      sleeper.join();
      ends.emplace_back(heard.find("slept"), s.elapsed());
    });
    return ends;
  };
  const auto alone = play();
  std::vector<decltype(play())> together(2);
  std::vector<std::thread> threads;
  for (auto& ends : together) threads.emplace_back([&] { ends = play(); });
  for (std::thread& t : threads) t.join();
  CHECK(together[0] == alone);
  CHECK(together[1] == alone);
}

namespace {

struct visits {
  std::optional<simulation::duration> visitor;  // how long a word and its echo took; or none came
  std::optional<simulation::duration> passer_by;
};

// Two processes talk to an acceptor, one after the other.
visits visit_a_door(const coppice::simulation_options& o) {
  visits v;
  simulate(o, [&](simulation& s) {
    const auto session = [](tcp::socket with) -> asio::awaitable<void> {
      std::array<char, 5> word{};
      co_await asio::async_read(with, asio::buffer(word), asio::use_awaitable);
      co_await asio::async_write(with, asio::buffer(word), asio::use_awaitable);
    };
    const tcp::endpoint door{asio::ip::address_v4::loopback(), 4000};
    const auto top = coppice::start_supervisor(
        s.io(), {.strategy = coppice::one_for_one,
                 .children = {coppice::acceptor(door, session, {.name = "door"})}});
    s.run_for(1s);
    const auto visit = [&](std::optional<simulation::duration>& took) -> asio::awaitable<void> {
      const auto began = s.elapsed();
      std::string heard;
      co_await client(door, 1, heard);
      took = s.elapsed() - began;
    };
    coppice::spawn(s.io(), [&] { return visit(v.visitor); }, "visitor");
    s.run_for(1s);
    coppice::spawn(s.io(), [&] { return visit(v.passer_by); }, "passer-by");
    s.run_for(1s);
    top.stop()([](boost::system::error_code) {});
    s.run();
  });
  return v;
}

}  // namespace

TEST_CASE("sockets work under the conditions of the processes that have opened them") {
  const auto with = [](const std::string& process, const coppice::network_conditions& n) {
    return coppice::simulation_options{.seeds = 5,
                                       .network = {.latency_min = 1ms, .latency_max = 1ms},
                                       .networks = {{.process = process, .conditions = n}},
                                       .draw_faults = false};
  };
  const coppice::network_conditions slow{.latency_min = 10ms, .latency_max = 10ms};

  const visits all_slow = visit_a_door(with("*", slow));
  CHECK(all_slow.visitor == 30ms);
  CHECK(all_slow.passer_by == 30ms);

  const visits one_slow = visit_a_door(with("visit*", slow));
  CHECK(one_slow.visitor == 21ms);  // the answer comes from the door
  CHECK(one_slow.passer_by == 3ms);

  const visits slow_door = visit_a_door(with("listener", slow));
  CHECK(slow_door.visitor == 12ms);

  const visits refused = visit_a_door(with("visitor", {.refuse = 1}));
  CHECK_FALSE(refused.visitor);
  CHECK(refused.passer_by);

  const visits broken = visit_a_door(with("passer-by", {.reset = 1}));
  CHECK(broken.visitor);
  CHECK_FALSE(broken.passer_by);

  const visits poor = visit_a_door(with("visitor", {.no_descriptor = 1}));
  CHECK_FALSE(poor.visitor);
  CHECK(poor.passer_by);
}

TEST_CASE("faults of sockets by name are told, played again and taken away like all others") {
  const std::string why = failure_of(
      {.networks = {{.process = "reader", .conditions = {.reset = 0.5}}}, .draw_faults = false},
      [](simulation& s) {
        tcp::acceptor a{s.io(), here};
        std::string heard;
        asio::co_spawn(s.io(), echo(a), asio::detached);
        coppice::spawn(s.io(), [&] { return client(a.local_endpoint(), 10, heard); }, "reader");
        s.run();
        if (heard.size() != 50) s.fail("it was heard: " + heard);
      });
  CHECK(contains(why, "reset:reader: 0.5"));
  CHECK(contains(why, "latency:reader: 20 to 200 us"));
  CHECK(contains(why, "with these faults (of 1): reset:reader#"));
  CHECK(contains(why, "COPPICE_FAULTS='reset:reader#"));
}
