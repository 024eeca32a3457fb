#include <coppice/controlling_process.hpp>

#include "support/world.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/error.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/process.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/basic_seq_packet_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/buffered_stream.hpp>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/ip/icmp.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/serial_port.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/writable_pipe.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using boost::system::error_code;
using coppice::pid;
using coppice::transferable;
using unix_stream = asio::local::stream_protocol;

static_assert(transferable<asio::ip::tcp::socket>);
static_assert(transferable<asio::ip::icmp::socket>);
static_assert(transferable<asio::basic_seq_packet_socket<unix_stream>>);
static_assert(transferable<asio::serial_port>);
static_assert(transferable<asio::ip::tcp::resolver>);
static_assert(transferable<boost::beast::tcp_stream>);
static_assert(transferable<asio::buffered_stream<asio::ip::tcp::socket>>);
// It cannot be moved.
static_assert(!transferable<asio::signal_set>);
// There is no room for a process in its executor.
static_assert(
    !transferable<asio::basic_stream_socket<unix_stream, asio::io_context::executor_type>>);

// A process that does one thing and lives on.
pid lives(
    world& w, std::function<void()> first = [] {}) {
  const pid p = coppice::spawn(w.io, [first]() -> asio::awaitable<void> {
    first();
    co_await coppice::sleep_for(24h);
  });
  w.clock.settle();
  return p;
}

using handler = std::function<void(error_code, std::size_t)>;

// Kinds of objects: how to make one whose operation completes at once, and how to begin that.
template <class Executor>
struct stream_socket {
  explicit stream_socket(const Executor& ex) : object{ex}, peer{ex} {
    asio::local::connect_pair(object, peer);
    asio::write(peer, asio::buffer("x", 1));
  }
  void begin(handler f) {
    object.async_read_some(asio::buffer(space), std::move(f));
  }

  asio::basic_stream_socket<unix_stream, Executor> object;
  asio::basic_stream_socket<unix_stream, Executor> peer;
  std::array<char, 8> space{};
};

template <class Executor>
struct datagram_socket {
  using protocol = asio::local::datagram_protocol;
  explicit datagram_socket(const Executor& ex) : object{ex}, peer{ex} {
    asio::local::connect_pair(object, peer);
    peer.send(asio::buffer("x", 1));
  }
  void begin(handler f) {
    object.async_receive(asio::buffer(space), std::move(f));
  }

  asio::basic_datagram_socket<protocol, Executor> object;
  asio::basic_datagram_socket<protocol, Executor> peer;
  std::array<char, 8> space{};
};

template <class Executor>
struct acceptor {
  using tcp = asio::ip::tcp;
  explicit acceptor(const Executor& ex)
      : object{ex, tcp::endpoint{asio::ip::address_v4::loopback(), 0}}, client{ex} {
    client.connect(object.local_endpoint());
  }
  void begin(handler f) {
    object.async_accept([f](error_code ec, const auto& accepted) mutable {
      CHECK(accepted.is_open());
      f(ec, 0);
    });
  }

  asio::basic_socket_acceptor<tcp, Executor> object;
  asio::basic_stream_socket<tcp, Executor> client;
};

template <class Executor>
struct timer {
  using clock = std::chrono::steady_clock;
  explicit timer(const Executor& ex) : object{ex, clock::time_point{}} {}
  void begin(handler f) {
    object.async_wait([f](error_code ec) mutable { f(ec, 0); });
  }

  asio::basic_waitable_timer<clock, asio::wait_traits<clock>, Executor> object;
};

template <class Executor>
struct descriptor {
  explicit descriptor(const Executor& ex) : object{ex} {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    object.assign(ends[0]);
    ::close(ends[1]);
  }
  void begin(handler f) {
    object.async_wait(object.wait_read, [f](error_code ec) mutable { f(ec, 0); });
  }

  asio::posix::basic_stream_descriptor<Executor> object;
};

template <class Executor>
struct readable_pipe {
  explicit readable_pipe(const Executor& ex) : object{ex}, writable{ex} {
    asio::connect_pipe(object, writable);
    writable.write_some(asio::buffer("x", 1));
  }
  void begin(handler f) {
    object.async_read_some(asio::buffer(space), std::move(f));
  }

  asio::basic_readable_pipe<Executor> object;
  asio::basic_writable_pipe<Executor> writable;
  std::array<char, 8> space{};
};

template <class Executor>
struct writable_pipe {
  explicit writable_pipe(const Executor& ex) : readable{ex}, object{ex} {
    asio::connect_pipe(readable, object);
  }
  void begin(handler f) {
    object.async_write_some(asio::buffer("x", 1), std::move(f));
  }

  asio::basic_readable_pipe<Executor> readable;
  asio::basic_writable_pipe<Executor> object;
};

// A stream over a socket.
template <class Executor>
struct layered {
  using socket = asio::basic_stream_socket<unix_stream, Executor>;
  explicit layered(const Executor& ex) : object{ex}, peer{ex} {
    asio::local::connect_pair(object.next_layer(), peer);
    asio::write(peer, asio::buffer("x", 1));
  }
  void begin(handler f) {
    object.async_read_some(asio::buffer(space), std::move(f));
  }

  asio::buffered_stream<socket> object;
  socket peer;
  std::array<char, 8> space{};
};

template <class Executor>
Executor here() {
  using coppice::detail::access;
  const pid me = coppice::self();
  return Executor{access::make<coppice::executor>(*access::slot(me), me.number())};
}

#define KINDS_ON(executor)                                                                 \
  stream_socket<executor>, datagram_socket<executor>, acceptor<executor>, timer<executor>, \
      descriptor<executor>, readable_pipe<executor>, writable_pipe<executor>, layered<executor>
#define KINDS KINDS_ON(coppice::executor), KINDS_ON(asio::any_io_executor)

template <class Kind>
struct executor_of;
template <template <class> class Kind, class Executor>
struct executor_of<Kind<Executor>> {
  using type = Executor;
};

template <class Kind>
std::unique_ptr<Kind> make() {
  return std::make_unique<Kind>(here<typename executor_of<Kind>::type>());
}

}  // namespace

TEST_CASE_TEMPLATE("what a process takes over works there when its first owner has ended", Kind,
                   KINDS) {
  world w;
  std::unique_ptr<Kind> kind;
  const pid first = lives(w, [&kind] { kind = make<Kind>(); });
  pid ran_as;
  const pid second = lives(w, [&] {
    coppice::controlling_process(kind->object);
    coppice::kill(first);
  });
  CHECK_FALSE(first.alive());
  kind->begin([&ran_as](error_code ec, std::size_t) {
    CHECK_FALSE(ec);
    ran_as = coppice::self();
  });
  w.clock.settle();
  CHECK(ran_as == second);
}

TEST_CASE_TEMPLATE("a process hands over what it has to another", Kind, KINDS) {
  world w;
  std::unique_ptr<Kind> kind;
  pid ran_as;
  const pid second = lives(w);
  lives(w, [&] {
    kind = make<Kind>();
    coppice::controlling_process(kind->object, second);
    kind->begin([&ran_as](error_code, std::size_t) { ran_as = coppice::self(); });
  });
  CHECK(ran_as == second);
}

TEST_CASE_TEMPLATE("an operation that is under way completes to the process that began it", Kind,
                   KINDS) {
  world w;
  std::unique_ptr<Kind> kind;
  pid ran_as;
  const pid second = lives(w);
  const pid first = lives(w, [&] {
    kind = make<Kind>();
    kind->begin([&ran_as](error_code ec, std::size_t) {
      CHECK_FALSE(ec);
      ran_as = coppice::self();
    });
    coppice::controlling_process(kind->object, second);
  });
  CHECK(ran_as == first);
}

TEST_CASE("a wait that began before goes on, and can be cancelled") {
  world w;
  std::optional<asio::ip::tcp::acceptor> listening;
  std::optional<error_code> accepted;
  lives(w, [&] {
    listening.emplace(here<asio::any_io_executor>(),
                      asio::ip::tcp::endpoint{asio::ip::address_v4::loopback(), 0});
    listening->async_accept([&](error_code ec, const asio::ip::tcp::socket&) { accepted = ec; });
  });
  lives(w, [&] { coppice::controlling_process(*listening); });
  CHECK_FALSE(accepted);
  listening->cancel();
  w.clock.settle();
  CHECK(accepted == asio::error::operation_aborted);
}

TEST_CASE("a timer made with the executor of a socket runs as the owner of the socket") {
  world w;
  std::unique_ptr<stream_socket<asio::any_io_executor>> kind;
  const pid listener = lives(w, [&] { kind = make<stream_socket<asio::any_io_executor>>(); });
  pid rang_as;
  std::optional<asio::steady_timer> deadline;
  const pid session = lives(w, [&] {
    coppice::controlling_process(kind->object);
    coppice::kill(listener);
    deadline.emplace(kind->object.get_executor(), std::chrono::steady_clock::time_point{});
    deadline->async_wait([&](error_code ec) {
      CHECK_FALSE(ec);
      rang_as = coppice::self();
    });
  });
  CHECK(rang_as == session);
}

TEST_CASE("an object keeps its place, its descriptor, its options and its mode") {
  world w;
  using asio::ip::tcp;
  lives(w, [] {
    const auto ex = here<asio::any_io_executor>();
    tcp::acceptor listening{ex, {asio::ip::address_v4::loopback(), 0}};
    tcp::socket client{ex};
    client.connect(listening.local_endpoint());
    client.set_option(tcp::no_delay{true});
    client.non_blocking(true);
    const int descriptor = client.native_handle();
    const tcp::socket& reference = client;

    coppice::controlling_process(client);
    CHECK(client.native_handle() == descriptor);
    CHECK(client.non_blocking());
    tcp::no_delay delay;
    reference.get_option(delay);
    CHECK(delay.value());
    CHECK(reference.remote_endpoint() == listening.local_endpoint());

    coppice::controlling_process(listening);
    CHECK(listening.accept().is_open());

    asio::steady_timer timer{ex, 1h};
    const auto expiry = timer.expiry();
    coppice::controlling_process(timer);
    CHECK(timer.expiry() == expiry);

    tcp::socket closed{ex};
    coppice::controlling_process(closed);
    CHECK_FALSE(closed.is_open());
  });
}

TEST_CASE("what a process took over is closed when it is killed") {
  world w;
  std::unique_ptr<stream_socket<asio::any_io_executor>> kind;
  lives(w, [&] { kind = make<stream_socket<asio::any_io_executor>>(); });
  auto body = [socket = std::move(kind->object)]() mutable -> asio::awaitable<void> {
    coppice::controlling_process(socket);
    std::array<char, 8> space{};
    while (true) co_await socket.async_read_some(asio::buffer(space), asio::use_awaitable);
  };
  const pid session = coppice::spawn(w.io, std::move(body));
  w.clock.settle();
  error_code end;
  kind->peer.non_blocking(true);
  std::array<char, 8> space{};
  kind->peer.read_some(asio::buffer(space), end);
  CHECK(end == asio::error::would_block);
  coppice::kill(session);
  w.clock.settle();
  kind->peer.read_some(asio::buffer(space), end);
  CHECK(end == asio::error::eof);
}

TEST_CASE("nothing is handed over to a process that does not exist") {
  world w;
  const pid dead = lives(w);
  coppice::kill(dead);
  w.clock.settle();
  lives(w, [&dead] {
    asio::steady_timer timer{here<asio::any_io_executor>()};
    const auto before = timer.get_executor();
    for (const pid& nobody : {dead, pid{}}) {
      try {
        coppice::controlling_process(timer, nobody);
        FAIL_CHECK("it was handed over");
      } catch (const boost::system::system_error& e) {
        CHECK(e.code() == coppice::errc::noproc);
      }
      CHECK(timer.get_executor() == before);
    }
  });
}

TEST_CASE("an object stays on its io_context") {
  world w;
  asio::io_context other;
  asio::steady_timer timer{other};
  const pid p = lives(
      w, [&] { CHECK_THROWS_AS(coppice::controlling_process(timer), std::invalid_argument); });
  CHECK_THROWS_AS(coppice::controlling_process(timer, p), std::invalid_argument);
  CHECK(timer.get_executor() == asio::any_io_executor{other.get_executor()});
}

TEST_CASE("outside of processes, an object is handed over by pid only") {
  world w;
  asio::steady_timer timer{w.io, std::chrono::steady_clock::time_point{}};
  CHECK_THROWS_AS(coppice::controlling_process(timer), std::logic_error);
  const pid p = lives(w);
  coppice::controlling_process(timer, p);
  pid rang_as;
  timer.async_wait([&rang_as](error_code) { rang_as = coppice::self(); });
  w.clock.settle();
  CHECK(rang_as == p);
}

TEST_CASE("a stream of Beast keeps its timeouts when its first owner has ended") {
  world w;
  using asio::ip::tcp;
  std::optional<boost::beast::tcp_stream> stream;
  std::optional<tcp::socket> peer;
  const pid listener = lives(w, [&] {
    const auto ex = here<asio::any_io_executor>();
    tcp::acceptor listening{ex, {asio::ip::address_v4::loopback(), 0}};
    stream.emplace(ex);
    stream->socket().connect(listening.local_endpoint());
    peer = listening.accept();
  });
  std::optional<error_code> end;
  pid ran_as;
  const pid session = lives(w, [&] {
    coppice::controlling_process(*stream);
    coppice::kill(listener);
    stream->expires_at(std::chrono::steady_clock::time_point{});
    static std::array<char, 8> space{};
    stream->async_read_some(asio::buffer(space), [&](error_code ec, std::size_t) {
      end = ec;
      ran_as = coppice::self();
    });
  });
  CHECK(end == boost::beast::error::timeout);
  CHECK(ran_as == session);
}
