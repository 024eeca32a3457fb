#include "support/ending.hpp"
#include "support/owner.hpp"

#include <coppice/async_stream.hpp>

#include <coppice/down.hpp>
#include <coppice/monitor.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using coppice::async_stream;
using coppice::errc;
using coppice::exit_reason;
using coppice::pid;
using coppice::stream_options;
using coppice::stream_timeout;
using coppice::task_result;

namespace {

using boost::system::error_code;

// An item says for how many seconds it is worked on; 0 crashes at once, and -n after n seconds.
struct workshop : owner_world {
  // A consumer that gets exit signals as messages, and notes those that are left in the end.
  pid start_trapping(body what) {
    return owner_world::start_trapping(std::move(what), [this](const signals& all) {
      for (const std::string& s : all) log += "signal " + s + ' ';
      log += std::to_string(links_of(coppice::self())) + " links ";
    });
  }

  auto work() {
    return [this](int seconds) -> asio::awaitable<int> {
      const busy here{*this};
      if (seconds == 0) throw std::runtime_error{"nothing to do"};
      co_await coppice::sleep_for(std::abs(seconds) * 1s);
      if (seconds < 0) throw std::runtime_error{"broken"};
      co_return seconds;
    };
  }

  template <class Stream>
  asio::awaitable<void> read_all(Stream& stream) {
    while (const auto item = co_await stream.next()) note(*item);
    log += "end ";
  }
  template <class T>
  void note(const task_result<T>& item) {
    log += (item ? std::to_string(*item) : item.error().to_string()) + ' ';
  }
  // Reads until it fails, and notes with what.
  template <class Stream>
  asio::awaitable<void> read_until_error(Stream& stream) {
    try {
      auto reading = read_all(stream);
      co_await std::move(reading);
    } catch (const boost::system::system_error& e) {
      log += e.code() == errc::timeout ? "timeout " : e.code().message() + ' ';
    } catch (const std::exception& e) {
      log += std::string{e.what()} + ' ';
    }
  }

  struct busy {
    explicit busy(workshop& w) : shop{w} { shop.most = std::max(shop.most, ++shop.running); }
    busy(const busy&) = delete;
    busy& operator=(const busy&) = delete;
    ~busy() { --shop.running; }
    workshop& shop;
  };

  std::string log;
  int running = 0;
  int most = 0;
};

using list = std::vector<int>;

// A source that counts what is pulled from it, may throw, and says when it goes.
struct source {
  struct iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    source* from;
    int operator*() const { return from->pulled; }
    iterator& operator++() {
      from->pull();
      return *this;
    }
    void operator++(int) { from->pull(); }
    bool operator==(std::default_sentinel_t) const { return from->pulled > from->last; }
  };

  source(int* counter, int l, int t, std::string* g)
      : count{counter}, last{l}, throws_at{t}, gone{g} {}
  source(source&& other) noexcept
      : count{other.count},
        last{other.last},
        throws_at{other.throws_at},
        gone{std::exchange(other.gone, nullptr)} {}
  source& operator=(source&&) = default;
  ~source() {
    if (gone != nullptr) *gone += "source ";
  }
  iterator begin() {
    pull();
    return {this};
  }
  static std::default_sentinel_t end() { return {}; }

  void pull() {
    ++pulled;
    ++*count;
    if (pulled == throws_at) throw std::runtime_error{"source broken"};
  }

  int* count;
  int last;
  int throws_at;
  std::string* gone;
  int pulled = 0;
};

}  // namespace

// STREAM-01
TEST_CASE("at most max_concurrency items are worked on at once") {
  struct row {
    std::size_t max;
    int most;
    int seconds;
  };
  for (const auto& [max, most, seconds] :
       {row{1, 1, 4}, row{3, 3, 2}, row{4, 4, 1}, row{9, 4, 1}}) {
    workshop w;
    const auto began = w.clock.now();
    std::optional<coppice::virtual_clock::clock::time_point> done;
    w.start([&, max = max]() -> asio::awaitable<void> {
      auto stream = async_stream(list{1, 1, 1, 1}, w.work(), {.max_concurrency = max});
      co_await w.read_all(stream);
      done = w.clock.now();
    });
    w.clock.advance(10s);
    CHECK(w.log == "1 1 1 1 end ");
    CHECK(w.most == most);
    CHECK(*done - began == seconds * 1s);
    CHECK(coppice::processes(w.io).empty());
  }
}

// STREAM-01
TEST_CASE("by default there is one item per core, and an empty range gives nothing") {
  CHECK(stream_options{}.max_concurrency >= 1);
  workshop w;
  w.start([&]() -> asio::awaitable<void> {
    auto stream = async_stream(list{}, w.work());
    co_await w.read_all(stream);
    co_await w.read_all(stream);
  });
  CHECK(w.log == "end end ");
}

// STREAM-02
TEST_CASE("results come in the order of the input, also if the first takes longest") {
  workshop w;
  w.start([&]() -> asio::awaitable<void> {
    auto stream = async_stream(list{4, 1, 2, 1, 1}, w.work(), {.max_concurrency = 2});
    co_await w.read_all(stream);
  });
  w.clock.advance(3s);
  CHECK(w.log.empty());
  w.clock.advance(1s);
  // While the first was waited for, the others went on.
  CHECK(w.log == "4 1 2 1 ");
  w.clock.advance(1s);
  CHECK(w.log == "4 1 2 1 1 end ");
  CHECK(w.most == 2);
}

// STREAM-03
TEST_CASE("unordered results come as they are there") {
  workshop w;
  w.start([&]() -> asio::awaitable<void> {
    auto stream =
        async_stream(list{4, 1, 2, 3}, w.work(), {.max_concurrency = 3, .ordered = false});
    co_await w.read_all(stream);
  });
  w.clock.advance(2s);
  CHECK(w.log == "1 2 ");
  w.clock.advance(2s);
  CHECK(w.log == "1 2 4 3 end ");
}

// STREAM-04
TEST_CASE("by default an item that takes more than five seconds ends the stream") {
  workshop w;
  w.start_trapping([&]() -> asio::awaitable<void> {
    auto stream = async_stream(list{3, 6, 7}, w.work(), {.max_concurrency = 2});
    co_await w.read_until_error(stream);
    co_await coppice::sleep_for(0s);
    CHECK(w.running == 0);
    co_await w.read_until_error(stream);
  });
  w.clock.advance(4s);
  CHECK(w.log == "3 ");
  w.clock.advance(1s);
  CHECK(w.log == "3 timeout end 0 links ");
  CHECK(coppice::processes(w.io).empty());
}

// STREAM-04
TEST_CASE("the time limit is that of each item, or there is none") {
  workshop w;
  w.start([&]() -> asio::awaitable<void> {
    auto each = async_stream(list{1, 1, 1}, w.work(), {.max_concurrency = 1, .limit = 1500ms});
    co_await w.read_all(each);
    auto unlimited = async_stream(list{3600}, w.work(), {.limit = coppice::infinity});
    co_await w.read_all(unlimited);
  });
  w.clock.advance(2h);
  CHECK(w.log == "1 1 1 end 3600 end ");
}

// STREAM-04
TEST_CASE("an item that is late while its consumer is busy fails the next call") {
  workshop w;
  w.start([&]() -> asio::awaitable<void> {
    auto stream = async_stream(list{1, 3, 3}, w.work(), {.max_concurrency = 2, .limit = 2s});
    const auto first = co_await stream.next();
    w.note(*first);
    co_await coppice::sleep_for(1h);
    co_await w.read_until_error(stream);
  });
  w.clock.advance(2h);
  CHECK(w.log == "1 timeout ");
}

// STREAM-05
TEST_CASE("a late item may be killed alone, and its result is timeout") {
  for (const bool ordered : {true, false}) {
    workshop w;
    w.start_trapping([&, ordered]() -> asio::awaitable<void> {
      auto stream = async_stream(list{1, 9, 3}, w.work(),
                                 {.max_concurrency = 3,
                                  .ordered = ordered,
                                  .limit = 4s,
                                  .on_timeout = stream_timeout::kill_task});
      co_await w.read_all(stream);
    });
    w.clock.advance(4s);
    CHECK(w.log == (ordered ? "1 timeout 3 end 0 links " : "1 3 timeout end 0 links "));
    CHECK(w.running == 0);
  }
}

// STREAM-05
TEST_CASE("a late item that is killed does not end its consumer") {
  workshop w;
  const ending end{w.start([&]() -> asio::awaitable<void> {
    auto stream =
        async_stream(list{9, 1}, w.work(), {.limit = 2s, .on_timeout = stream_timeout::kill_task});
    co_await w.read_all(stream);
  })};
  w.clock.advance(4s);
  CHECK(w.log == "timeout 1 end ");
  CHECK(end.text() == "normal");
}

// STREAM-01, STREAM-06
TEST_CASE("bad options of a stream are refused by name, at the call") {
  workshop w;
  const auto refused = [&](stream_options o) -> std::string {
    try {
      static_cast<void>(async_stream(list{1}, w.work(), std::move(o)));
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "";
  };
  CHECK(refused({.max_concurrency = 0}) ==
        "coppice: stream: its max_concurrency must be above zero");
  CHECK(refused({.limit = -1s}) == "coppice: stream: its time limit must not be negative");
  CHECK(refused({.on_timeout = static_cast<stream_timeout>(7)}) ==
        "coppice: stream: its on_timeout is neither of the two");
  CHECK(refused({.shutdown = -1s}) == "coppice: stream: its shutdown time must not be negative");
  CHECK(refused({.limit = 0s}).empty());
}

// STREAM-07
TEST_CASE("an item that fails ends a consumer that does not trap exits") {
  workshop w;
  const ending end{w.start([&]() -> asio::awaitable<void> {
    auto stream = async_stream(list{1, -2, 9}, w.work(), {.max_concurrency = 3});
    while (const auto item = co_await stream.next()) w.note(*item);
  })};
  w.clock.advance(2s);
  CHECK(w.log == "1 ");
  CHECK(end.text() == "std::runtime_error: broken");
  CHECK(w.running == 0);
  CHECK(coppice::processes(w.io).empty());
}

// STREAM-07
TEST_CASE("an item that fails while its consumer waits elsewhere ends it as well") {
  workshop w;
  const ending end{w.start([&]() -> asio::awaitable<void> {
    auto stream = async_stream(list{1, -2}, w.work(), {.max_concurrency = 2});
    const auto item = co_await stream.next();
    w.note(*item);
    co_await coppice::sleep_for(24h);
  })};
  w.clock.advance(2s);
  CHECK(end.text() == "std::runtime_error: broken");
}

// STREAM-07
TEST_CASE("a consumer that traps exits gets the reason as the item's result, and no message") {
  workshop w;
  w.start_trapping([&]() -> asio::awaitable<void> {
    auto stream = async_stream(list{1, -2, 0, 3}, w.work());
    co_await w.read_all(stream);
  });
  w.clock.advance(10s);
  CHECK(w.log == "1 std::runtime_error: broken std::runtime_error: nothing to do 3 end 0 links ");
}

// STREAM-07, PROC-30
TEST_CASE("an item that ends with a normal exit gives that, and ends nobody") {
  workshop w;
  const ending end{w.start([&]() -> asio::awaitable<void> {
    const auto leave = [](int) -> asio::awaitable<int> {
      co_await coppice::sleep_for(1s);
      co_await coppice::exit(exit_reason::normal());
      co_return 1;
    };
    auto stream = async_stream(list{1}, leave);
    co_await w.read_all(stream);
  })};
  w.clock.advance(1s);
  CHECK(w.log == "normal end ");
  CHECK(end.text() == "normal");
}

// STREAM-08
TEST_CASE("a stream that is left early kills what still runs, and leaves nothing of it") {
  workshop w;
  w.start_trapping([&]() -> asio::awaitable<void> {
    {
      auto stream = async_stream(list{1, 4, 4, 4}, w.work(), {.max_concurrency = 3});
      const auto first = co_await stream.next();
      w.note(*first);
      CHECK(w.running == 2);
    }
    co_await coppice::sleep_for(0s);
    CHECK(w.running == 0);
    co_await coppice::sleep_for(1h);
  });
  w.clock.advance(2s);
  CHECK(coppice::processes(w.io).size() == 1);
  w.clock.advance(2h);
  CHECK(w.log == "1 0 links ");
}

// STREAM-08
TEST_CASE("a consumer that is killed takes its stream along, whatever it does") {
  workshop w;
  std::vector<pid> consumers;
  const auto consumer = [&](auto then) {
    consumers.push_back(w.start([&, then]() -> asio::awaitable<void> {
      auto stream = async_stream(list{1, 8, 8, 8}, w.work(), {.max_concurrency = 3, .limit = 1h});
      auto doing = then(stream);
      co_await std::move(doing);
    }));
  };
  consumer([](auto& s) -> asio::awaitable<void> {
    while (co_await s.next()) continue;
  });
  consumer([](auto& s) -> asio::awaitable<void> {
    co_await s.next();
    co_await coppice::sleep_for(24h);
  });
  consumer([](auto& s) -> asio::awaitable<void> {
    const auto ex = co_await asio::this_coro::executor;
    asio::co_spawn(ex, s.next(), asio::detached);
    co_await coppice::sleep_for(24h);
  });
  consumer([](auto& s) -> asio::awaitable<void> {
    const auto ex = co_await asio::this_coro::executor;
    co_await s.next();
    asio::co_spawn(ex, s.next(), asio::detached);
    co_await coppice::sleep_for(24h);
  });
  w.clock.advance(2s);
  CHECK(w.running == 3 + 2 + 2 + 3);
  for (const pid& p : consumers) coppice::kill(p);
  w.clock.settle();
  CHECK(w.running == 0);
  CHECK(coppice::processes(w.io).empty());
}

// STREAM-14
TEST_CASE("a stream may be made by one process and consumed by another, which it then belongs to") {
  workshop w;
  using stream_type = decltype(async_stream(list{}, w.work()));
  std::optional<stream_type> stream;
  w.start([&]() -> asio::awaitable<void> {
    stream.emplace(async_stream(list{1, 2, 3}, w.work(), {.max_concurrency = 1}));
    co_return;
  });
  CHECK_THROWS_AS(static_cast<void>(stream->next()), std::logic_error);
  const pid consumer = w.start([&]() -> asio::awaitable<void> {
    const auto first = co_await stream->next();
    w.note(*first);
    const auto second = co_await stream->next();
    w.note(*second);
  });
  w.start([&]() -> asio::awaitable<void> {
    CHECK_THROWS_AS(static_cast<void>(stream->next()), std::logic_error);
    co_return;
  });
  CHECK(w.running == 1);
  w.clock.advance(1s);
  CHECK(w.log == "1 ");
  coppice::kill(consumer);
  w.clock.settle();
  CHECK(w.running == 0);
  CHECK(coppice::processes(w.io).empty());
  stream.reset();
}

// STREAM-09
TEST_CASE("the range is pulled lazily, as there is room, and may have no end") {
  workshop w;
  int pulled = 0;
  w.start([&]() -> asio::awaitable<void> {
    auto stream = async_stream(source{&pulled, 1'000'000'000, 0, nullptr},
                               [](int) -> asio::awaitable<int> {
                                 co_await coppice::sleep_for(1s);
                                 co_return 1;
                               },
                               {.max_concurrency = 3});
    CHECK(pulled == 0);
    const auto first = co_await stream.next();
    w.note(*first);
    CHECK(pulled == 3);
    co_await coppice::sleep_for(1h);
    CHECK(pulled == 3);
    const auto second = co_await stream.next();
    w.note(*second);
    CHECK(pulled == 6);
  });
  w.clock.advance(2h);
  CHECK(w.log == "1 1 ");
  CHECK(coppice::processes(w.io).empty());
}

// STREAM-09
TEST_CASE("no more is started than is needed for what is read") {
  workshop w;
  int pulled = 0;
  w.start([&]() -> asio::awaitable<void> {
    auto stream = async_stream(source{&pulled, 9, 0, nullptr}, w.work(), {.max_concurrency = 1});
    const auto first = co_await stream.next();
    w.note(*first);
    co_await coppice::sleep_for(1h);
  });
  w.clock.advance(1s);
  CHECK(w.log == "1 ");
  CHECK(pulled == 1);
  CHECK(w.running == 0);
}

// STREAM-09
TEST_CASE("any input range will do: views of views, and what can only be moved") {
  workshop w;
  w.start([&]() -> asio::awaitable<void> {
    auto some = std::views::iota(1) | std::views::filter([](int i) { return i % 2 == 1; }) |
                std::views::take(3);
    auto odd = async_stream(some, w.work(), {.limit = 10s});
    co_await w.read_all(odd);
    std::vector<std::unique_ptr<int>> boxes;
    boxes.push_back(std::make_unique<int>(7));
    const auto open = [](std::unique_ptr<int> box) -> asio::awaitable<int> { co_return *box; };
    auto opened = async_stream(std::move(boxes), open);
    co_await w.read_all(opened);
  });
  w.clock.advance(10s);
  CHECK(w.log == "1 3 5 end 7 end ");
}

TEST_CASE("a range that is copied in keeps what it has") {
  workshop w;
  const std::vector<std::string> words{"a rather long word, not to be stolen", "another"};
  w.start([&]() -> asio::awaitable<void> {
    const auto length = [](const std::string& word) -> asio::awaitable<int> {
      co_await coppice::sleep_for(1s);
      co_return static_cast<int>(word.size());
    };
    auto from_copy = async_stream(words, length);
    co_await w.read_all(from_copy);
    auto from_view = async_stream(std::views::all(words), length);
    co_await w.read_all(from_view);
  });
  w.clock.advance(5s);
  CHECK(w.log == "36 7 end 36 7 end ");
  CHECK(words[1] == "another");
}

// STREAM-10
TEST_CASE("the source goes with the stream, and what its consumer holds goes as well") {
  workshop w;
  int pulled = 0;
  w.start([&]() -> asio::awaitable<void> {
    auto stream = async_stream(source{&pulled, 9, 0, &w.log}, w.work(), {.max_concurrency = 1});
    const traced held{w.log, "consumer"};
    const auto first = co_await stream.next();
    w.note(*first);
  });
  w.clock.advance(1s);
  CHECK(w.log == "1 consumer source ");
}

// STREAM-10
TEST_CASE("a source that is read to its end goes at once") {
  workshop w;
  int pulled = 0;
  w.start([&]() -> asio::awaitable<void> {
    auto stream = async_stream(source{&pulled, 2, 0, &w.log}, w.work(), {.max_concurrency = 3});
    co_await w.read_all(stream);
  });
  w.clock.advance(2s);
  CHECK(w.log == "source 1 2 end ");
}

// STREAM-13
TEST_CASE("what lies in the mailboxes of its consumer is no matter of the stream") {
  workshop w;
  w.start([&]() -> asio::awaitable<void> {
    coppice::mailbox<coppice::down> downs;
    const pid other = coppice::spawn([]() -> asio::awaitable<void> { co_return; });
    coppice::monitor(other, downs);
    auto stream = async_stream(list{1, 2}, w.work());
    co_await w.read_all(stream);
    CHECK(downs.size() == 1);
    CHECK(downs.try_receive()->process == other);
  });
  w.clock.advance(2s);
  CHECK(w.log == "1 2 end ");
}

// STREAM-15
TEST_CASE("if the source throws, what runs is killed and the error goes on") {
  workshop w;
  int pulled = 0;
  w.start_trapping([&]() -> asio::awaitable<void> {
    auto at_once = async_stream(source{&pulled, 9, 3, &w.log}, w.work(), {.max_concurrency = 4});
    co_await w.read_until_error(at_once);
    co_await coppice::sleep_for(0s);
    CHECK(w.running == 0);
    co_await w.read_until_error(at_once);
    // While an item is waited for.
    const auto shorter = [working = w.work()](int i) { return working(5 - i); };
    auto later = async_stream(source{&pulled, 9, 3, nullptr}, shorter, {.max_concurrency = 2});
    co_await w.read_until_error(later);
  });
  w.clock.advance(5s);
  CHECK(w.log == "source source broken end source broken 0 links ");
  CHECK(coppice::processes(w.io).empty());
}

// STREAM-15
TEST_CASE("if the consumer throws, what runs is killed and the error goes on") {
  workshop w;
  const ending end{w.start([&]() -> asio::awaitable<void> {
    auto stream = async_stream(list{1, 4, 4}, w.work(), {.max_concurrency = 3});
    while (const auto item = co_await stream.next()) throw std::runtime_error{"consumer broken"};
  })};
  w.clock.advance(1s);
  CHECK(end.text() == "std::runtime_error: consumer broken");
  CHECK(w.running == 0);
  CHECK(coppice::processes(w.io).empty());
}

// TASK-18
TEST_CASE("the callers of a stream's tasks are its consumer and that one's callers") {
  workshop w;
  std::vector<pid> heard;
  pid task;
  const pid owner = w.start([&]() -> asio::awaitable<void> {
    const auto inner = [&]() -> asio::awaitable<void> {
      task = coppice::self();
      const auto look = [&](int) -> asio::awaitable<void> {
        heard = coppice::callers();
        co_return;
      };
      auto stream = async_stream(list{1}, look, {.label = "looker"});
      while (const auto item = co_await stream.next()) w.log += *item ? "done " : "failed ";
    };
    auto t = coppice::async(inner);
    co_await t.await();
  });
  CHECK(heard == std::vector<pid>{task, owner});
  CHECK(w.log == "done ");
}

TEST_CASE("the next item is waited for once at a time, and again after a cancellation") {
  workshop w;
  w.start([&]() -> asio::awaitable<void> {
    auto stream = async_stream(list{2}, w.work());
    const auto impatient = [&]() -> asio::awaitable<void> {
      try {
        co_await stream.next();
      } catch (const boost::system::system_error& e) {
        w.log += e.code() == asio::error::operation_aborted ? "aborted " : "? ";
      }
    };
    asio::cancellation_signal cancel;
    const auto ex = co_await asio::this_coro::executor;
    asio::co_spawn(ex, impatient, asio::bind_cancellation_slot(cancel.slot(), asio::detached));
    co_await coppice::sleep_for(1s);
    CHECK_THROWS_AS(static_cast<void>(stream.next()), std::logic_error);
    cancel.emit(asio::cancellation_type::terminal);
    co_await coppice::sleep_for(0s);
    co_await w.read_all(stream);
  });
  w.clock.advance(2s);
  CHECK(w.log == "aborted 2 end ");
}

TEST_CASE("a stream may be consumed by a coroutine with another executor type") {
  workshop w;
  const auto consumer = [&]() -> asio::awaitable<void, coppice::executor> {
    auto stream = async_stream(list{1, 2}, w.work());
    while (const auto item = co_await stream.next<coppice::executor>()) w.note(*item);
  };
  coppice::spawn(w.io, consumer);
  w.clock.advance(2s);
  CHECK(w.log == "1 2 ");
}

TEST_CASE("the io_context may go while a stream is under way") {
  std::string log;
  {
    workshop w;
    w.start([&]() -> asio::awaitable<void> {
      const traced held{log, "consumer"};
      auto stream = async_stream(list{1, 4, 4, 4}, w.work(), {.max_concurrency = 2});
      co_await w.read_all(stream);
    });
    w.clock.advance(2s);
  }
  CHECK(log == "consumer ");
}
