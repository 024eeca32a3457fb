// What happens at SIGTERM: everybody is asked to end, the last one that was started first. Who is
// asked may clean up, with awaits that work as always, for as long as its shutdown time allows; who
// takes longer is killed, and even then its destructors run.
//
// The program sends the signal to itself, when all are up.

#include <coppice.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include <csignal>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace asio = boost::asio;
using asio::local::stream_protocol;
using namespace std::chrono_literals;

namespace {

constexpr auto as_result = asio::as_tuple(asio::deferred);  // errors are results, not exceptions
const std::string farewell = "goodbye\n";

// A server that keeps lines in memory, and writes them out when it ends: `terminate` is called on
// every way out but a kill. What was sent to it before the request to stop is handled first.
class journal {
 public:
  struct entry {
    std::string text;
  };

  void handle(const entry& m) { lines_.push_back(m.text); }
  void terminate(const coppice::exit_reason& why) {
    std::ofstream file{"/dev/null"};  // where it should be kept
    for (const std::string& line : lines_) file << line << '\n';
    if (!file.flush()) std::cerr << "the journal could not be written\n";
    std::cout << "journal: " << lines_.size() << " lines written (" << why << ")" << std::endl;
  }

 private:
  std::vector<std::string> lines_;
};

// A process with a connection. Its read is cancelled when it is asked to stop, and it tells the
// other side, which may take a moment. It has the usual five seconds for that.
asio::awaitable<void> guest() {
  stream_protocol::socket here{co_await asio::this_coro::executor};
  stream_protocol::socket host{co_await asio::this_coro::executor};
  asio::local::connect_pair(here, host);

  std::string input;
  auto room = asio::dynamic_buffer(input, 512);
  const auto [ended, size] = co_await asio::async_read_until(here, room, '\n', as_result);
  if (ended != asio::error::operation_aborted) co_return;
  const auto [lost, sent] = co_await asio::async_write(here, asio::buffer(farewell), as_result);
  if (lost) co_return;
  const auto [failed, got] = co_await asio::async_read_until(host, room, '\n', as_result);
  if (!failed) std::cout << "guest: the host has heard " << input.substr(0, got) << std::flush;
  // A permanent child that just returned would be one that has ended for reasons of its own.
  co_await coppice::exit(coppice::exit_reason::shutdown());
}

// One who has more to do than there is time. What it holds is released all the same.
asio::awaitable<void> slow() {
  struct held {
    ~held() { std::cout << "slow: killed, and released what it held" << std::endl; }
  } lock;
  co_await coppice::sleep_for(24h)(as_result);  // it ends early: it is asked to stop
  std::cout << "slow: begins to clean up" << std::endl;
  co_await coppice::sleep_for(24h);
  std::cout << "slow: done, which it never is" << std::endl;
}

coppice::task<> start() {
  const coppice::server_ref<journal> log{"journal"};
  for (const std::string_view text : {"one", "two", "three"}) {
    log.cast<journal::entry>(std::string{text});
  }
  std::cout << "all are up; here comes SIGTERM" << std::endl;
  std::raise(SIGTERM);
  co_return;
}

}  // namespace

int main() {
  return coppice::run(
      {.name = "demo",
       .strategy = coppice::one_for_one,
       .children = {coppice::server<journal>("journal"), coppice::worker("guest", guest),
                    coppice::worker("slow", slow).with_shutdown(100ms),
                    coppice::worker("start", start).with_restart(coppice::transient)}});
}
