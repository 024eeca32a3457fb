// A pool of connections, as in front of a database: who needs one borrows it. A connection that is
// lost is replaced; one whose borrower dies, in whatever way, comes back by itself.

#include <coppice.hpp>
#include <coppice/acceptor.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include <deque>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;
constexpr auto as_result = asio::as_tuple(asio::deferred);  // errors are results where it is used

// A connection that is borrowed. The last copy puts it back: when its borrower is done, has thrown
// or is killed; also where it is the answer to a call that nobody waits for any more.
using lease = std::shared_ptr<const coppice::pid>;

class pool {
 public:
  struct borrow {
    using reply = lease;
  };
  struct put_back {
    coppice::pid connection;
  };
  void init();
  void handle(borrow, coppice::reply_to<lease> answer) {
    waiting_.push_back(std::move(answer));
    lend();
  }
  void handle(put_back m) {
    free_.push_back(m.connection);
    lend();
  }

 private:
  void lend() {
    while (!waiting_.empty() && !free_.empty()) {
      if (free_.front().alive()) {  // otherwise it has been lost meanwhile
        auto put_back_to = [me = coppice::self()](const coppice::pid* lent) {
          coppice::server_ref<pool>{me}.cast(put_back{*lent});
          delete lent;
        };
        std::move(waiting_.front())(lease{new coppice::pid{free_.front()}, put_back_to});
        waiting_.pop_front();
      }
      free_.pop_front();
    }
  }

  std::deque<coppice::reply_to<lease>> waiting_;
  std::deque<coppice::pid> free_;
};

// One connection. What goes wrong with it ends it, by an exception, and another one is started.
struct connection {
  struct ask {
    using reply = std::string;
    std::string line;
  };
  struct connect {};
  // It is up at once, and connects then: so an attempt that fails is followed by another one.
  void init() { coppice::this_server::continue_with(*this, connect{}); }
  asio::awaitable<void> handle(connect) {
    socket.emplace(co_await asio::this_coro::executor);
    const auto where = coppice::acceptor_ref{"database"}.local_endpoint();
    co_await socket->async_connect(where, asio::deferred);
    coppice::server_ref<pool>{"pool"}.cast(pool::put_back{coppice::self()});
  }
  asio::awaitable<std::string> handle(ask m) {
    m.line += '\n';
    co_await asio::async_write(*socket, asio::buffer(m.line), asio::deferred);
    std::string in;
    auto reading = asio::async_read_until(*socket, asio::dynamic_buffer(in), '\n', asio::deferred);
    const auto size = co_await coppice::with_deadline(std::move(reading), 3s);
    co_return in.substr(0, size - 1);
  }
  std::optional<tcp::socket> socket;
};

void pool::init() {
  const coppice::dynamic_supervisor_ref all{"connections"};
  const auto one = coppice::server<connection>("").with_id("connection");
  for (int i = 0; i < 2; ++i) all.start_child(one.with_backoff({.min = 1ms, .max = 10s}));
}

// In place of a database: answers a line with the same line, and hangs up when that is "bye".
asio::awaitable<void> database(tcp::socket socket) {
  for (std::string in;; in.clear()) {
    co_await asio::async_read_until(socket, asio::dynamic_buffer(in), '\n', as_result);
    if (in.empty() || in == "bye\n") co_return;
    co_await asio::async_write(socket, asio::buffer(in), as_result);
  }
}

asio::awaitable<std::string> query(std::string line) {
  const coppice::server_ref<pool> all{"pool"};
  const lease mine = co_await all.call<pool::borrow>();
  co_return co_await coppice::server_ref<connection>{*mine}.call<connection::ask>(line);
}

// Borrows both, has one of them killed, and ends without having put anything back.
asio::awaitable<void> careless() {
  const coppice::server_ref<pool> all{"pool"};
  const lease one = co_await all.call<pool::borrow>();
  const lease two = co_await all.call<pool::borrow>();
  coppice::kill(*one);
  co_await coppice::exit(coppice::exit_reason::shutdown("careless"));
}

asio::awaitable<void> demo() {
  const std::vector<std::string> lines{"one", "two", "bye", "three", "four", "five"};
  auto answers = coppice::task_supervisor_ref{"tasks"}.async_stream_nolink(lines, query);
  while (const auto answer = co_await answers.next()) {
    std::cout << (answer->has_value() ? answer->value() : "lost") << std::endl;
  }
  for (int i = 0; i < 2; ++i) {  // the second one gets both only if the first one's have come back
    const coppice::exit_reason end = co_await coppice::await_exit(coppice::spawn(careless));
    std::cout << "the borrower of both has ended (" << end << ")" << std::endl;
  }
}

int main() {
  return coppice::run(
      {.name = "demo",
       .strategy = coppice::rest_for_one,
       .auto_shutdown = coppice::auto_shutdown::any_significant,
       .children = {
           coppice::acceptor({asio::ip::address_v4::loopback(), 0}, database, {.name = "database"}),
           coppice::supervisor({.name = "pools",
                                .strategy = coppice::one_for_all,  // neither is of use alone
                                .children = {coppice::dynamic_supervisor({.name = "connections"}),
                                             coppice::server<pool>("pool")}}),
           coppice::task_supervisor({.name = "tasks"}),
           coppice::worker("demo", demo).with_restart(coppice::transient).with_significant(),
       }});
}
