// A test in virtual time: restarts, pauses between them and a budget of a minute are tested without
// waiting for any of it, and come out the same each time.

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <coppice.hpp>

#include <doctest/doctest.h>
#include <boost/asio/io_context.hpp>

#include <stdexcept>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

// What is tested: a feed, which looks every second whether its source is up, and ends if it is not.
struct source {
  bool up = true;
  bool hiccup = false;  // down for a moment
  int starts = 0;
};

asio::awaitable<void> feed(source& from) {
  ++from.starts;
  while (from.up && !std::exchange(from.hiccup, false)) co_await coppice::sleep_for(1s);
  throw std::runtime_error{"the source is down"};
}

// An io_context whose time the test moves. It prints nothing.
struct world {
  asio::io_context io{1};
  coppice::virtual_clock clock{io};
  source news;  // destroyed before the io_context, but nothing runs by then

  world() { coppice::set_report_sink(io, {}); }

  coppice::supervisor_ref start(coppice::child_spec child) {
    auto started = coppice::start_supervisor(io, {.name = "reader",
                                                  .strategy = coppice::one_for_one,
                                                  .intensity = 3,
                                                  .period = 1min,
                                                  .children = {std::move(child)}});
    clock.settle();
    return started;
  }
  coppice::child_spec make_feed() {
    return coppice::worker("feed", [this] { return feed(news); });
  }
};

}  // namespace

TEST_CASE("a feed runs as long as its source is up") {
  world w;
  w.start(w.make_feed());
  w.clock.advance(24h);
  CHECK(w.news.starts == 1);
}

TEST_CASE("without pauses, the budget of a minute is spent at once") {
  world w;
  const auto reader = w.start(w.make_feed());
  w.news.up = false;
  w.clock.advance(1s);
  CHECK(w.news.starts == 1 + 3);  // so many restarts are forgiven, and not one more
  CHECK_FALSE(reader.alive());
}

TEST_CASE("with pauses, the feed is tried until the source is back, and no budget is spent") {
  world w;
  const auto reader =
      w.start(w.make_feed().with_backoff({.min = 1s, .max = 8s, .factor = 2, .jitter = 0}));
  w.news.up = false;
  w.clock.advance(1s);
  CHECK(w.news.starts == 1);
  for (const auto pause : {1s, 2s, 4s, 8s, 8s}) {
    const int before = w.news.starts;
    w.clock.advance(pause - 1ns);
    CHECK(w.news.starts == before);  // not before the pause is over
    w.clock.advance(1ns);
    CHECK(w.news.starts == before + 1);  // and not later
  }
  w.news.up = true;
  w.clock.advance(1h);
  CHECK(w.news.starts == 7);
  CHECK(reader.alive());
}

TEST_CASE("a failure an hour is forgiven for ever") {
  world w;
  const auto reader = w.start(w.make_feed());
  for (int hour = 1; hour <= 24; ++hour) {
    w.news.hiccup = true;
    w.clock.advance(1h);
    CHECK(w.news.starts == 1 + hour);
  }
  CHECK(reader.alive());
}
