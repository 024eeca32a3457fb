// What do messages to a server cost?
//
//   server.call       a call and its answer; bare: two coroutines and two channels
//   server.cast       a cast, in bursts of 100 with a call at the end of each; bare: a channel, and
//                     a message back
//   server.among.N    as server.call, while N other servers wait; bare: coroutines, a channel each
//   server.task_call  as server.call, the caller being a coppice::task
//   server.task_cast  as server.cast, the sender being a coppice::task

#include "ping_pong.hpp"

#include <coppice/server.hpp>
#include <coppice/task.hpp>

#include <deque>
#include <string>
#include <utility>

namespace bench {

namespace {

constexpr int trips = 50'000;
constexpr int bursts = 2'000;

class sums {
 public:
  struct successor {
    using reply = int;
    int of;
  };
  struct add {
    int number;
  };
  struct sum {
    using reply = int;
  };

  int handle(successor m) { return m.of + 1; }
  void handle(add m) { sum_ += m.number; }
  int handle(sum) { return std::exchange(sum_, 0); }

 private:
  int sum_ = 0;
};

template <class Coroutine>
Coroutine calls(coppice::server_ref<sums> to, counter& count) {
  for (int i = 0; !count.enough(); i += 2) {
    const int answered = co_await to.call(sums::successor{i}, coppice::infinity);
    expect(answered == i + 1, "another answer");
  }
}

template <class Coroutine>
Coroutine casts(coppice::server_ref<sums> to, counter& count) {
  while (!count.enough()) {
    for (int i = 0; i < burst; ++i) to.cast(sums::add{i});
    const int sum = co_await to.call(sums::sum{}, coppice::infinity);
    expect(sum == burst * (burst - 1) / 2, "a message is missing");
  }
}

template <class Body>
double with_server(Body body, long wanted, std::size_t among = 0) {
  asio::io_context io{1};
  count_reports(io);
  for (std::size_t i = 0; i < among; ++i) coppice::start_server<sums>(io, "");
  io.poll();
  io.restart();
  expect(coppice::processes(io).size() == among, "not all of the others wait");
  counter count{io, wanted};
  const auto server = coppice::start_server<sums>(io, "");
  coppice::spawn(io, body(server, count));
  io.run();
  return count.each();
}

double bare_calls(std::size_t among = 0) {
  bare_world w;
  std::deque<channel> others;
  for (std::size_t i = 0; i < among; ++i) {
    auto& c = others.emplace_back(w.io, 1);
    w.start(answer(c, c));
  }
  w.io.poll();
  w.io.restart();
  counter count{w.io, trips};
  w.start(answer(w.there, w.to_here));
  w.start(round_trips(w.here, w.to_there, count));
  w.io.run();
  return count.each();
}

double bare_casts() {
  bare_world w;
  counter count{w.io, bursts};
  w.start(take_bursts(w.there, w.to_here));
  w.start(send_bursts(w.here, w.to_there, count));
  w.io.run();
  return count.each() / burst;
}

}  // namespace

void add_server(std::vector<family>& to) {
  using awaitable = asio::awaitable<void>;
  using task = coppice::task<>;
  family f{.name = "server", .all = {}};
  f.add("server.call", "coppice", [] { return with_server(calls<awaitable>, trips); });
  f.add("server.call", "bare", [] { return bare_calls(); });
  f.add("server.cast", "coppice", [] { return with_server(casts<awaitable>, bursts) / burst; });
  f.add("server.cast", "bare", bare_casts);
  f.add("server.task_call", "coppice", [] { return with_server(calls<task>, trips); });
  f.add("server.task_call", "bare", [] { return bare_calls(); });
  f.add("server.task_cast", "coppice", [] { return with_server(casts<task>, bursts) / burst; });
  f.add("server.task_cast", "bare", bare_casts);
  to.push_back(std::move(f));

  family among{.name = "server.among", .all = {}};
  for (const std::size_t n : growing) {
    const std::string row = "server.among." + std::to_string(n);
    among.add(row, "coppice", [n] { return with_server(calls<awaitable>, trips, n); });
    among.add(row, "bare", [n] { return bare_calls(n); });
  }
  to.push_back(std::move(among));
}

}  // namespace bench
