// Two loops on two threads: one does what takes long, the other serves meanwhile. Each has a tree
// of its own; calls go from one to the other as they do within one. Both are stopped in order:
// first the one that calls, and then the one that is called.

#include <coppice.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <future>
#include <iostream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

// Computes for a while, without ever awaiting: on the other loop nobody would get a turn.
class calculator {
 public:
  struct count_primes {
    using reply = int;
    std::uint32_t below;
  };

  explicit calculator(std::thread::id main) : main_{main} {}

  int handle(count_primes m) {
    if (std::this_thread::get_id() == main_) throw std::logic_error{"this is the front's thread"};
    int count = 0;
    for (std::uint32_t n = 2; n < m.below; ++n) count += is_prime(n) ? 1 : 0;
    return count;
  }
  void terminate(const coppice::exit_reason& why) {
    std::cout << "calculator: stopped (" << why << ")" << std::endl;
  }

 private:
  static bool is_prime(std::uint32_t n) {
    for (std::uint32_t d = 2; d * d <= n; ++d) {
      if (n % d == 0) return false;
    }
    return true;
  }

  std::thread::id main_;
};

// Asks the other loop, and this one gets on while it waits.
coppice::task<> front_desk(coppice::server_ref<calculator> far) {
  for (const std::uint32_t below : {10U, 1'000U, 100'000U}) {
    auto asking = far.call(calculator::count_primes{below}, 30s);
    const auto [failed, count] = co_await asking(asio::as_tuple(asio::deferred));
    if (failed) {  // noproc or died: it is being restarted, or its loop is gone
      std::cout << "no answer: " << failed.message() << std::endl;
    } else {
      std::cout << count << " primes below " << below << std::endl;
    }
  }
  std::cout << "front desk: done" << std::endl;
}

}  // namespace

int main() {
  // Declared first, and so destroyed last: what the front refers to.
  asio::io_context back{1};
  asio::io_context front{1};
  const auto workshop = coppice::start_supervisor(
      back, {.name = "workshop",
             .strategy = coppice::one_for_one,
             .children = {coppice::server<calculator>("calculator", std::this_thread::get_id())}});
  std::promise<boost::system::error_code> up;
  workshop.ready()([&up](boost::system::error_code error) { up.set_value(error); });

  // Runs until the workshop has ended: it is what there is to do on that loop.
  std::thread thread{[&back] { back.run(); }};
  if (const auto error = up.get_future().get()) {
    std::cerr << "the workshop does not start: " << error.message() << std::endl;
    thread.join();
    return coppice::exit_start_failed;
  }

  const coppice::server_ref<calculator> far{back, "calculator"};
  auto body = [far] { return front_desk(far); };
  // Only this one takes the signals. It returns when its tree is down: nobody calls any more.
  const int code = coppice::run(front, {.name = "office",
                                        .strategy = coppice::one_for_one,
                                        .auto_shutdown = coppice::auto_shutdown::any_significant,
                                        .children = {coppice::worker("front desk", std::move(body))
                                                         .with_restart(coppice::transient)
                                                         .with_significant()}});
  std::cout << "office: stopped" << std::endl;

  // What is not a call or a cast is done on the loop that it is about.
  asio::post(back, [workshop] { workshop.stop()([](boost::system::error_code) {}); });
  thread.join();
  return code;
}
