#include "support/coroutine.hpp"
#include "support/world.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>

// Servers that wait for each other.

using coppice::errc;

namespace {

// Asks the next one, which asks the one after it, and so on.
template <int N>
class asking {
 public:
  struct ask {
    using reply = int;
    int hops;
  };

  explicit asking(std::string next) : next_{std::move(next)} {}
  coroutine<int> handle(ask a) {
    if (a.hops == 0) co_return N;
    const coppice::server_ref<asking<(N + 1) % 3>> next{next_};
    co_return co_await next.call(typename asking<(N + 1) % 3>::ask{a.hops - 1});
  }

 private:
  std::string next_;
};

struct ring : world {
  ring() {
    coppice::start_supervisor(
        io, coppice::supervisor_spec{
                .name = "top",
                .strategy = coppice::one_for_one,
                .children = {coppice::server<asking<0>>("zero", "one"),
                             coppice::server<asking<1>>("one", "two"),
                             coppice::server<asking<2>>("two", "zero")}});
    clock.settle();
  }
  auto ask(int hops) {
    auto result = std::make_shared<std::optional<boost::system::error_code>>();
    const coppice::server_ref<asking<0>> zero{io, "zero"};
    zero.call(asking<0>::ask{hops})(
        [result](boost::system::error_code ec, int) { *result = ec; });
    clock.settle();
    return result;
  }
};

}  // namespace

#if !defined(COPPICE_DOCUMENTED_ASIO_ONLY) || defined(COPPICE_TEST_TASKS)

TEST_CASE("servers that would wait for each other are told at once, and not when they are late") {
  ring w;
  const auto fine = w.ask(2);
  REQUIRE(*fine);
  CHECK_FALSE(**fine);
  // zero asks one, one asks two, and two would ask zero, which waits: two is told, and crashes of
  // it.
  const auto asked = w.ask(3);
  REQUIRE(*asked);
  CHECK(**asked == errc::died);
  std::string told;
  for (const std::string& r : w.reports) {
    if (r.starts_with("a call was refused")) told = r;
  }
  CHECK(told == "a call was refused: two <4> would wait for zero <2>, which waits for one <3>, "
                "which waits for two <4>");
}

#endif

TEST_CASE("calls that come back after the answer are fine") {
  ring w;
  for (int i = 0; i < 3; ++i) {
    const auto fine = w.ask(2);
    REQUIRE(*fine);
    CHECK_FALSE(**fine);
  }
}

namespace {

class patient;

class impatient {
 public:
  struct begin {
    using reply = bool;
  };
  struct ping {
    using reply = int;
  };
  coroutine<bool> handle(begin);
  static int handle(ping) { return 1; }
};

class patient {
 public:
  struct ask {
    using reply = int;
  };
  coroutine<int> handle(ask) {
    const coppice::server_ref<impatient> other{"impatient"};
    co_return co_await other.call(impatient::ping{});
  }
};

// It sends its request and does not wait for the answer before it has returned.
coroutine<bool> impatient::handle(begin) {
  const coppice::server_ref<patient> other{"patient"};
  auto request = other.send_request(patient::ask{});
  co_await coppice::yield();
  co_return true;
}

}  // namespace

TEST_CASE("a server that waits for nobody is called back without an error") {
  world w;
  coppice::start_supervisor(
      w.io, coppice::supervisor_spec{.name = "top",
                                     .strategy = coppice::one_for_one,
                                     .children = {coppice::server<impatient>("impatient"),
                                                  coppice::server<patient>("patient")}});
  w.clock.settle();
  const coppice::server_ref<impatient> first{w.io, "impatient"};
  std::optional<boost::system::error_code> result;
  first.call(impatient::begin{})([&](boost::system::error_code ec, bool) { result = ec; });
  w.clock.settle();
  REQUIRE(result);
  CHECK_FALSE(*result);
  for (const std::string& r : w.reports) CHECK(r.find("refused") == std::string::npos);
}
