// What does it cost to set a timer and to cancel it before it rings?
//
//   timer.among.N  while N others wait in theirs, some for less time, some for more
//
// N is 1, 1,000 and 100,000. coppice::sleep_for with a cancellation slot; bare: asio::steady_timer.

#include "harness.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <exception>

namespace bench {

namespace {

constexpr long bursts = 5'000;
constexpr long burst = 100;
constexpr auto day = std::chrono::hours{24};

// How long the next one of so many waits.
clock::duration next_of(asio::io_context& io, std::size_t& waiting, std::size_t of) {
  if (++waiting == of) io.stop();
  return day / 2 + waiting * std::chrono::duration_cast<clock::duration>(day) / of;
}

asio::awaitable<void> coppice_sleeper(asio::io_context& io, std::size_t& waiting, std::size_t of) {
  co_await coppice::sleep_for(next_of(io, waiting, of));
}

asio::awaitable<void> bare_sleeper(asio::io_context& io, std::size_t& waiting, std::size_t of) {
  asio::steady_timer t{co_await asio::this_coro::executor, next_of(io, waiting, of)};
  co_await t.async_wait(asio::use_awaitable);
}

// Counts those that are cancelled.
struct tally {
  long& cancelled;
  void operator()(boost::system::error_code ec) const {
    if (ec == asio::error::operation_aborted) ++cancelled;
  }
};

asio::awaitable<void> coppice_timeouts(counter& count) {
  asio::cancellation_signal stop;
  long cancelled = 0;
  while (!count.enough()) {
    for (long i = 0; i < burst; ++i) {
      coppice::sleep_for(day)(asio::bind_cancellation_slot(stop.slot(), tally{cancelled}));
      stop.emit(asio::cancellation_type::terminal);
    }
    while (cancelled < burst) co_await coppice::sleep_for(clock::duration::zero());
    cancelled -= burst;
  }
}

asio::awaitable<void> bare_timeouts(counter& count) {
  asio::steady_timer t{co_await asio::this_coro::executor};
  long cancelled = 0;
  while (!count.enough()) {
    for (long i = 0; i < burst; ++i) {
      t.expires_after(day);
      t.async_wait(tally{cancelled});
      t.cancel();
    }
    while (cancelled < burst) co_await asio::post(asio::use_awaitable);
    cancelled -= burst;
  }
}

using sleeper = asio::awaitable<void>(asio::io_context&, std::size_t&, std::size_t);

template <class Start>
double each(asio::io_context& io, Start start, std::size_t among, sleeper* other,
            asio::awaitable<void> (*timeouts)(counter&)) {
  std::size_t waiting = 0;
  for (std::size_t i = 0; i < among; ++i) start(other(io, waiting, among));
  io.run();
  expect(waiting == among, "not all of the others wait");
  counter count{io, bursts};
  start(timeouts(count));
  io.restart();
  io.run();
  return count.each() / burst;
}

double coppice_timer(std::size_t among) {
  asio::io_context io{1};
  count_reports(io);
  const auto start = [&io](asio::awaitable<void> body) { coppice::spawn(io, std::move(body)); };
  return each(io, start, among, coppice_sleeper, coppice_timeouts);
}

double bare_timer(std::size_t among) {
  asio::io_context io;
  const auto start = [&io](asio::awaitable<void> body) {
    asio::co_spawn(io, std::move(body), [](std::exception_ptr) {});
  };
  return each(io, start, among, bare_sleeper, bare_timeouts);
}

}  // namespace

void add_timer(std::vector<family>& to) {
  family f{.name = "timer.among", .all = {}};
  for (const std::size_t n : growing) {
    const std::string row = "timer.among." + std::to_string(n);
    f.add(row, "coppice", [n] { return coppice_timer(n); });
    f.add(row, "bare", [n] { return bare_timer(n); });
  }
  to.push_back(std::move(f));
}

}  // namespace bench
