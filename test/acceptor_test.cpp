#include "support/acceptor_world.hpp"
#include "support/coroutine.hpp"
#include "support/scripted.hpp"
#include "support/temporary_folder.hpp"

#include <coppice/acceptor.hpp>
#include <coppice/error.hpp>
#include <coppice/executor.hpp>
#include <coppice/process.hpp>
#include <coppice/supervisor.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/system/system_error.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using client = acceptor_world::client;
using lean_socket = asio::basic_stream_socket<tcp, coppice::executor>;
using local = asio::local::stream_protocol;

coroutine<> wait_long() { co_await coppice::sleep_for(24h); }

// The error that a call of a reference throws.
template <class Call>
error_code error_of(Call call) {
  try {
    call();
  } catch (const boost::system::system_error& e) {
    return e.code();
  }
  return {};
}

std::string refused(const coppice::child_spec& spec) {
  try {
    coppice::check_child_specs({&spec, 1});
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("each connection of an acceptor is a process") {
  acceptor_world w;
  std::set<std::uint64_t> processes;
  w.listen([&](tcp::socket socket) {
    processes.insert(coppice::self().number());
    return echo(std::move(socket));
  });
  CHECK(w.server.is_listening());
  client a{w};
  client b{w};
  CHECK(a.echoes("one"));
  CHECK(b.echoes("two"));
  CHECK(a.echoes("three"));
  CHECK(w.connections() == 2);
  CHECK(processes.size() == 2);
  a.socket.close();
  CHECK(w.has_connections(1));
  CHECK(b.echoes("four"));
  CHECK(w.server.counts().accepted == 2);
}

TEST_CASE("the socket belongs to the connection's process before its body runs") {
  acceptor_world w;
  coppice::pid mine;
  coppice::pid owner;
  SUBCASE("on any executor") {
    w.listen([&](tcp::socket socket) {
      mine = coppice::self();
      owner = socket.get_executor().target<coppice::executor>()->owner();
      return echo(std::move(socket));
    });
  }
  SUBCASE("on coppice's own") {
    w.listen([&](lean_socket socket) {
      mine = coppice::self();
      owner = socket.get_executor().owner();
      return echo(std::move(socket));
    });
  }
  client c{w};
  CHECK(c.echoes("one"));
  CHECK(mine);
  CHECK(owner == mine);
}

TEST_CASE("what handles connections may be of any kind that returns a coroutine") {
  acceptor_world w;
  SUBCASE("a function") { w.listen(&echo<tcp::socket>); }
  SUBCASE("a std::function") {
    w.listen(std::function<coroutine<>(tcp::socket)>{echo<tcp::socket>});
  }
  SUBCASE("what cannot be copied") {
    w.listen([one = std::make_unique<int>(1)](tcp::socket socket) -> coroutine<> {
      CHECK(*one == 1);
      auto echoing = echo(std::move(socket));
      co_await std::move(echoing);
    });
  }
  SUBCASE("what takes the socket by reference") {
    w.listen([](tcp::socket&& socket) -> coroutine<> {
      auto echoing = echo(std::move(socket));
      co_await std::move(echoing);
    });
  }
  SUBCASE("a coroutine on coppice's own executor") {
    w.listen([](lean_socket socket) -> lean_coroutine<> {
      std::array<char, 8> data{};
      const std::size_t n =
          co_await socket.async_read_some(asio::buffer(data), asio::deferred);
      co_await asio::async_write(socket, asio::buffer(data, n), asio::deferred);
    });
  }
  client c{w};
  CHECK(c.echoes("one"));
}

TEST_CASE("a connection that crashes ends alone, and is told of") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  client a{w};
  client b{w};
  CHECK(a.echoes("one"));
  CHECK(b.echoes("two"));
  a.send("crash");
  CHECK(w.has_connections(1));
  CHECK(a.is_closed());
  CHECK(b.echoes("three"));
  const std::vector<std::string> told = w.reports_of("ended");
  REQUIRE(told.size() == 1);
  CHECK(told[0].starts_with("server.connections: connection <"));
  CHECK(told[0].ends_with("> ended (std::runtime_error: crash)"));
  // Also if it throws before there is a coroutine.
  acceptor_world other;
  other.listen([](tcp::socket) -> coroutine<> { throw std::runtime_error{"at once"}; });
  client c{other};
  CHECK(other.comes_true([&] { return c.is_closed(); }));
  CHECK(other.reports_of("at once").size() == 1);
}

TEST_CASE("a listener that crashes listens at the same port again, and connections go on") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  const tcp::endpoint before = w.server.local_endpoint();
  client a{w};
  CHECK(a.echoes("one"));
  coppice::exit(w.child("listener"), coppice::exit_reason::error("crash"));
  CHECK(w.server.is_listening());
  CHECK(w.server.local_endpoint() == before);
  CHECK(a.echoes("two"));
  client b{w, before};
  CHECK(b.echoes("three"));
  CHECK(w.connections() == 2);
  coppice::kill(w.child("listener"));
  w.clock.settle();
  client c{w, before};
  CHECK(c.echoes("four"));
  CHECK(a.echoes("five"));
  CHECK(w.server.counts().accepted == 3);
}

TEST_CASE("an acceptor that is restarted listens at the same port again") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  const tcp::endpoint before = w.server.local_endpoint();
  SUBCASE("when it was killed") { coppice::kill(w.server.whereis()); }
  SUBCASE("when it was stopped") {
    const auto stopping = begin(w.root.terminate_child("server"));
    w.clock.settle();
    CHECK_FALSE(w.can_connect(before));
    const auto again = begin(w.root.restart_child("server"));
    w.clock.settle();
    CHECK_FALSE(again->error);
  }
  w.clock.settle();
  REQUIRE(w.server.is_listening());
  CHECK(w.server.local_endpoint() == before);
  client c{w, before};
  CHECK(c.echoes("one"));
}

TEST_CASE("two acceptors of one spec listen at ports of their own") {
  acceptor_world w;
  acceptor_world other;
  const auto spec = coppice::acceptor(any_port, echo<tcp::socket>, {.name = "server"});
  w.start(spec);
  other.start(spec);
  CHECK(w.server.local_endpoint() != other.server.local_endpoint());
}

TEST_CASE("an acceptor goes on when the supervisor of its connections was killed") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  client a{w};
  CHECK(a.echoes("one"));
  coppice::kill(w.child("connections"));
  CHECK(w.has_connections(0));
  CHECK(a.is_closed());
  client b{w};
  CHECK(b.echoes("two"));
  CHECK(w.reports_of("listener").size() == 1);
}

TEST_CASE("an acceptor at a port in use has failed to start") {
  acceptor_world w;
  tcp::acceptor other{w.io, any_port};
  std::string reason;
  coppice::set_report_sink(w.io, [&](const coppice::report& r) {
    const auto* failed = std::get_if<coppice::child_start_failed>(&r);
    if (failed != nullptr && failed->child.id == "listener") reason = failed->reason.to_string();
  });
  w.start(coppice::acceptor(other.local_endpoint(), echo<tcp::socket>, {.name = "server"}));
  CHECK(reason.find("cannot listen on 127.0.0.1:") != std::string::npos);
  CHECK(reason.find("Address already in use") != std::string::npos);
  CHECK_FALSE(w.root.alive());
}

TEST_CASE("an acceptor is a child like any other") {
  acceptor_world w;
  w.start(coppice::worker("first", wait_long));
  auto adding = w.root.start_child(
      coppice::acceptor(any_port, echo<tcp::socket>, {.name = "server"}).with_shutdown(1s));
  const auto added = begin(adding.ready());
  w.clock.settle();
  CHECK_FALSE(added->error);
  const coppice::acceptor_ref server{added->started.process};
  CHECK(server == w.server);
  client a{w};
  CHECK(a.echoes("one"));
  const auto stopping = begin(w.root.terminate_child("server"));
  w.clock.settle();
  CHECK(stopping->there);
  CHECK(a.is_closed());
  const auto again = begin(w.root.restart_child("server"));
  w.clock.settle();
  CHECK_FALSE(again->error);
  client b{w};
  CHECK(b.echoes("two"));
  // What it has counted is of this start.
  CHECK(w.server.counts().accepted == 1);
}

TEST_CASE("an acceptor without a name goes by its endpoint") {
  acceptor_world w;
  w.start(coppice::acceptor({asio::ip::address_v4::loopback(), 0}, echo<tcp::socket>));
  const coppice::acceptor_ref server{w.io, "127.0.0.1:0"};
  CHECK(server.is_listening());
  client a{w, server.local_endpoint()};
  CHECK(a.echoes("one"));
  CHECK(coppice::acceptor({tcp::v4(), 4000}, echo<tcp::socket>).id == "0.0.0.0:4000");
  CHECK(coppice::acceptor({tcp::v6(), 4000}, echo<tcp::socket>).id == "[::]:4000");
  CHECK(coppice::acceptor(local::endpoint{"/tmp/x"}, echo<local::socket>).id == "/tmp/x");
}

TEST_CASE("several acceptors have connections of their own") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  auto adding =
      w.root.start_child(coppice::acceptor(any_port, echo<tcp::socket>, {.name = "other"}));
  w.clock.settle();
  const coppice::acceptor_ref other{w.io, "other"};
  client a{w};
  client b{w, other.local_endpoint()};
  client c{w, other.local_endpoint()};
  CHECK(a.echoes("one"));
  CHECK(b.echoes("two"));
  CHECK(c.echoes("three"));
  CHECK(w.connections() == 1);
  CHECK(other.counts().connections == 2);
  const coppice::dynamic_supervisor_ref connections{w.io, "other.connections"};
  const auto counting = begin(connections.count_children());
  w.clock.settle();
  CHECK(counting->counts.active == 2);
}

TEST_CASE("options that break a rule are refused where the acceptor is given") {
  const auto with = [](coppice::acceptor_options options) {
    options.name = "web";
    return refused(coppice::acceptor(any_port, echo<tcp::socket>, std::move(options)));
  };
  CHECK(with({}) == "accepted");
  CHECK(with({.max_connections = 1, .drain = coppice::infinity, .shutdown = coppice::brutal_kill,
              .backlog = 1, .reuse_address = false}) == "accepted");
  CHECK(with({.max_connections = 0}) ==
        "coppice: acceptor \"web\": its max_connections must be above zero");
  CHECK(with({.drain = -1s}) == "coppice: acceptor \"web\": its drain must not be negative");
  CHECK(with({.shutdown = -1s}) ==
        "coppice: acceptor \"web\": its shutdown time must not be negative");
  CHECK(with({.backlog = 0}) == "coppice: acceptor \"web\": its backlog must be above zero");
  const std::string no_function =
      "coppice: acceptor \"web\": it needs a function (missing on_connection)";
  CHECK(refused(coppice::acceptor(any_port, std::function<coroutine<>(tcp::socket)>{},
                                  {.name = "web"})) == no_function);
  coroutine<> (*null)(tcp::socket) = nullptr;
  CHECK(refused(coppice::acceptor(any_port, null, {.name = "web"})) == no_function);
  world w;
  CHECK_THROWS_WITH_AS(
      coppice::start_supervisor(
          w.io, {.name = "top",
                 .strategy = coppice::one_for_one,
                 .children = {coppice::acceptor(any_port, echo<tcp::socket>, {.backlog = -1})}}),
      "coppice: supervisor \"top\": acceptor \"127.0.0.1:0\": its backlog must be above zero",
      std::invalid_argument);
}

TEST_CASE("a local socket's file is there as long as somebody listens") {
  const temporary_folder folder;
  const std::string path = (folder.path / "socket").string();
  {
    acceptor_world w;
    w.start(coppice::acceptor(local::endpoint{path}, echo<local::socket>, {.name = "server"}));
    CHECK(w.server.local_endpoint<local::endpoint>().path() == path);
    const auto echoes = [&] {
      local::socket socket{w.io};
      socket.connect(path);
      socket.write_some(asio::buffer("one", 3));
      socket.non_blocking(true);
      std::array<char, 8> data{};
      error_code ec;
      std::size_t n = 0;
      return w.comes_true([&] { return (n = socket.read_some(asio::buffer(data), ec)) > 0; }) &&
             std::string(data.data(), n) == "one";
    };
    CHECK(echoes());
    coppice::kill(w.child("listener"));
    w.clock.settle();
    CHECK(w.server.is_listening());
    CHECK(echoes());
    const auto stopping = begin(w.root.stop());
    w.clock.settle();
    CHECK_FALSE(stopping->error);
    CHECK_FALSE(std::filesystem::exists(path));
  }
  // As a program that was killed leaves it behind.
  asio::io_context io;
  local::acceptor{io, path}.close();
  CHECK(std::filesystem::exists(path));
  SUBCASE("one that nobody listens on any more is replaced") {
    acceptor_world w;
    w.start(coppice::acceptor(local::endpoint{path}, echo<local::socket>, {.name = "server"}));
    CHECK(w.server.is_listening());
  }
  SUBCASE("but not against the options") {
    acceptor_world w;
    w.start(coppice::acceptor(local::endpoint{path}, echo<local::socket>,
                              {.name = "server", .reuse_address = false}));
    CHECK_FALSE(w.server.alive());
    CHECK(std::filesystem::exists(path));
  }
  SUBCASE("one that somebody listens on is left alone") {
    std::filesystem::remove(path);
    local::acceptor other{io, path};
    acceptor_world w;
    w.start(coppice::acceptor(local::endpoint{path}, echo<local::socket>, {.name = "server"}));
    CHECK_FALSE(w.server.alive());
    local::socket socket{io};
    socket.connect(path);
  }
  SUBCASE("one that somebody else has put there since is left alone") {
    acceptor_world w;
    w.start(coppice::acceptor(local::endpoint{path}, echo<local::socket>, {.name = "server"}));
    std::filesystem::remove(path);
    const local::acceptor other{io, path};
    w.server.close();
    CHECK(std::filesystem::exists(path));
  }
}

TEST_CASE("a reference says what is wrong with it") {
  acceptor_world w;
  w.start(coppice::supervisor({.name = "plain", .strategy = coppice::one_for_one}));
  for (const auto& [name, why] :
       {std::pair{"nobody", coppice::errc::noproc}, {"plain", coppice::errc::wrong_type}}) {
    const coppice::acceptor_ref ref{w.io, name};
    CHECK(error_of([&] { static_cast<void>(ref.counts()); }) == why);
    CHECK(error_of([&] { static_cast<void>(ref.is_listening()); }) == why);
    CHECK(error_of([&] { static_cast<void>(ref.local_endpoint()); }) == why);
    CHECK(error_of([&] { ref.close(); }) == why);
    const auto draining = begin(ref.drained());
    w.clock.settle();
    CHECK(draining->error == why);
  }
  acceptor_world other;
  other.listen(echo<tcp::socket>);
  CHECK(error_of([&] { static_cast<void>(other.server.local_endpoint<local::endpoint>()); }) ==
        coppice::errc::wrong_type);
}

TEST_CASE("what an acceptor has is destroyed with the io_context") {
  const auto alive = std::make_shared<int>();
  {
    acceptor_world w;
    w.listen([alive](tcp::socket socket) { return echo(std::move(socket)); },
             {.max_connections = 2});
    const client a{w};
    const client b{w};
    const client waiting{w};
    CHECK(w.has_connections(2));
  }
  CHECK(alive.use_count() == 1);
}
