// What does a healthy child notice of a sibling that crashes without pause?
//
//   storm.calm   the 99th percentile of a round trip between two children; a third one waits
//   storm.crash  the same while the third one throws each time it is started
//
// Bare: two coroutines and two channels, beside a hand-written restart loop.

#include "ping_pong.hpp"

#include "crashing.hpp"

#include <algorithm>
#include <exception>

namespace bench {

namespace {

constexpr std::size_t trips = 20'000;

enum class weather { calm, storm };

struct record {
  asio::io_context& io;
  std::vector<clock::duration> times{};
  long crashes = 0;

  [[nodiscard]] double p99(weather w) {
    expect(times.size() == trips, "another number of round trips");
    // Supervised, a child that was started again many times goes last: the fewer crashes are part
    // of what is measured.
    expect((crashes >= 100) == (w == weather::storm), "another weather");
    const auto at = times.begin() + static_cast<std::ptrdiff_t>(trips * 99 / 100);
    std::nth_element(times.begin(), at, times.end());
    return nanoseconds(*at);
  }
};

template <class From, class To>
asio::awaitable<void> timed_trips(From& from, To& to, record& r) {
  r.times.reserve(trips);
  for (std::size_t i = 0; i < trips; ++i) {
    const auto begin = clock::now();
    send(to, 1);
    const int answered = co_await next(from);
    r.times.push_back(clock::now() - begin);
    expect(answered == 2, "another answer");
  }
  r.io.stop();
  co_await wait_for_ever();
}

asio::awaitable<void> third(record& r, weather w) {
  if (w == weather::calm) co_await wait_for_ever();
  ++r.crashes;
  throw std::runtime_error{"crash"};
}

double coppice_p99(weather w) {
  asio::io_context io{1};
  count_reports(io);
  record r{.io = io};
  coppice::mailbox<int> here;
  coppice::mailbox<int> there;
  const auto to_here = here.get_address();
  const auto to_there = there.get_address();
  std::vector<coppice::child_spec> children;
  children.push_back(coppice::worker("third", [&r, w] { return third(r, w); }));
  children.push_back(coppice::worker("answer", [&] { return answer(there, to_here); }));
  children.push_back(coppice::worker("ask", [&] { return timed_trips(here, to_there, r); }));
  coppice::start_supervisor(io, supervisor_of(coppice::one_for_one, std::move(children)));
  io.run();
  return r.p99(w);
}

double bare_p99(weather w) {
  asio::io_context io;
  record r{.io = io};
  channel here{io, 1};
  channel there{io, 1};
  start_again(io, [&r, w] { return third(r, w); });
  asio::co_spawn(io, answer(there, here), [](std::exception_ptr) {});
  asio::co_spawn(io, timed_trips(here, there, r), [](std::exception_ptr) {});
  io.run();
  return r.p99(w);
}

}  // namespace

void add_storm(std::vector<family>& to) {
  family f{.name = "storm", .all = {}};
  f.add("storm.calm", "coppice", [] { return coppice_p99(weather::calm); });
  f.add("storm.calm", "bare", [] { return bare_p99(weather::calm); });
  f.add("storm.crash", "coppice", [] { return coppice_p99(weather::storm); });
  f.add("storm.crash", "bare", [] { return bare_p99(weather::storm); });
  to.push_back(std::move(f));
}

}  // namespace bench
