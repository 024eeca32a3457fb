#include <coppice.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <thread>
#include <utility>

// A program for gdb_test.py to look into: some processes of each kind, which get into a known state
// and stay there. What the test looks for are the names, and the lines that a comment marks.

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

// A server that waits for another one, which is busy.

class shelf {
 public:
  struct read {
    using reply = int;
  };
  static coppice::task<int> handle(read) {
    co_await coppice::sleep_for(1000h);  // mark: shelf
    co_return 1;
  }
};

class cache {
 public:
  struct look_up {
    using reply = int;
  };
  struct refresh {};
  static coppice::task<int> handle(look_up) {
    const coppice::server_ref<shelf> storage{"shelf"};
    const int found = co_await storage.call(shelf::read{}, coppice::infinity);  // mark: cache
    co_return found;
  }
  static void handle(refresh) {}
};

asio::awaitable<void> client() {
  const coppice::server_ref<cache> storage{"cache"};
  co_await storage.call(cache::look_up{}, coppice::infinity);  // mark: client
}

// Tasks that await each other.

coppice::task<> fetch(int depth) {
  co_await coppice::sleep_for(1ms);
  if (depth > 0) co_await coppice::sleep_for(1000h);  // mark: fetch
}

coppice::task<int> load(int depth) {
  co_await fetch(0);
  co_await fetch(depth);  // mark: load
  co_return depth;
}

coppice::task<> loader() {
  for (;;) {
    co_await load(2);  // mark: loader
  }
}

// Awaitables on both executors.

asio::awaitable<void, coppice::executor> pause() {
  co_await coppice::sleep_for(1000h);  // mark: pause
}

asio::awaitable<void, coppice::executor> ledger() {
  co_await pause();  // mark: ledger
}

asio::awaitable<void> next_client(tcp::acceptor& listening) {
  tcp::socket socket = co_await listening.async_accept(asio::use_awaitable);  // mark: accept
}

asio::awaitable<void> listener() {
  tcp::acceptor listening{co_await asio::this_coro::executor,
                          {asio::ip::address_v4::loopback(), 0}};
  coppice::controlling_process(listening);
  for (;;) {
    co_await next_client(listening);  // mark: listener
  }
}

coppice::task<> receiver() {
  tcp::acceptor listening{co_await asio::this_coro::executor,
                          {asio::ip::address_v4::loopback(), 0}};
  co_await listening.async_accept(asio::deferred);  // mark: receiver
}

// Messages that nobody reads, and a restart.

asio::awaitable<void> reader() {
  coppice::mailbox<int> mine;
  for (int i = 0; i < 3; ++i) mine.get_address().send(i);
  co_await mine.receive();
  co_await coppice::sleep_for(1000h);  // mark: reader
}

asio::awaitable<void> unlucky() {
  static bool before = false;
  if (!std::exchange(before, true)) throw std::runtime_error{"this once"};
  co_await coppice::sleep_for(1000h);
}

asio::awaitable<int> sum() {
  co_await coppice::sleep_for(1000h);
  co_return 1;
}

asio::awaitable<void> owner() {
  auto total = coppice::async(sum());
  co_await total.await(coppice::infinity);  // mark: owner
}

coppice::task<> slow() {
  try {
    co_await coppice::sleep_for(1000h);
  } catch (const boost::system::system_error&) {
  }
  co_await coppice::sleep_for(1000h);  // mark: slow
}

// Runs until there is nothing more to read, and holds up its whole io_context meanwhile.
coppice::task<> stuck() {
  co_await coppice::sleep_for(1ms);
  std::cout << "ready" << std::endl;
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) {  // mark: stuck
  }
}

}  // namespace

int main() {
  // Some systems let only parents look into programs, unless these say otherwise.
  ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  asio::io_context io;
  coppice::virtual_clock clock{io};
  coppice::set_report_sink(io, [](const coppice::report&) {});
  coppice::start_supervisor(
      io, {.name = "shop",
           .strategy = coppice::one_for_one,
           .children = {
               coppice::supervisor({.name = "storage",
                                    .strategy = coppice::one_for_all,
                                    .children = {coppice::server<shelf>("shelf"),
                                                 coppice::server<cache>("cache")}}),
               coppice::dynamic_supervisor({.name = "sessions"}),
               coppice::worker("client", client),
               coppice::worker("loader", loader),
               coppice::worker("ledger", ledger),
               coppice::worker("listener", listener),
               coppice::worker("receiver", receiver),
               coppice::worker("reader", reader),
               coppice::worker("unlucky", unlucky),
               coppice::worker("owner", owner),
           }});
  clock.advance(1s);
  const coppice::pid stopping = coppice::spawn(io, slow(), "slow");
  clock.advance(1s);
  coppice::exit(stopping, coppice::exit_reason::shutdown());
  coppice::server_ref<cache>{io, "cache"}.cast(cache::refresh{});
  clock.advance(88s);
  coppice::spawn(io, slow(), "late");
  std::cout << coppice::dump(io) << std::flush;

  std::thread other{[] {
    asio::io_context held_up;
    coppice::spawn(held_up, stuck, "stuck");
    held_up.run();
  }};
  other.join();
}
