#include "support/scripted.hpp"

#include <boost/asio/error.hpp>
#include <boost/assert/source_location.hpp>
#include <boost/system/system_error.hpp>
#include <boost/throw_exception.hpp>

#include <doctest/doctest.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using coppice::exit_reason;
using coppice::one_for_one;
using coppice::supervisor_spec;

namespace {

// Says nothing, not even that.
struct mute : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return nullptr; }
};

asio::awaitable<void> ends_mutely() {
  co_await coppice::sleep_for(1s);
  throw mute{};
}

asio::awaitable<void> stops_mutely() {
  try {
    co_await coppice::sleep_for(1h);
  } catch (const boost::system::system_error&) {
    throw mute{};
  }
}

// Reset, as Asio tells it: with the place in Asio's sources.
boost::system::error_code reset() {
  static constexpr boost::source_location where = BOOST_CURRENT_LOCATION;
  return {ECONNRESET, boost::system::system_category(), &where};
}

template <class E>
exit_reason thrown(E e) {
  return exit_reason::error(std::make_exception_ptr(std::move(e)));
}

std::string line(const exit_reason& reason) {
  return to_string(coppice::process_crashed{.process = {}, .label = "a", .reason = reason});
}

std::string field(const exit_reason& reason, std::string_view key) {
  const coppice::process_crashed crash{.process = {}, .label = "a", .reason = reason};
  for (const auto& [k, value] : coppice::fields_of(crash)) {
    if (k == key) return value;
  }
  return "(none)";
}

const std::string name_of_mute = exit_reason::error(std::make_exception_ptr(mute{})).to_string();

}  // namespace

TEST_CASE("an exception that says nothing at all is told by its type") {
  const exit_reason reason = thrown(mute{});
  CHECK(reason.what().empty());
  CHECK(reason.to_string().find("mute") != std::string::npos);
  CHECK(reason.to_string().find(':', reason.to_string().rfind("::") + 2) == std::string::npos);
  CHECK(line(reason) == "process a <0> crashed (" + name_of_mute + ")");
}

TEST_CASE("a child that says nothing of its failure is treated as any other that fails") {
  scene s;
  const auto dies_at_once = [](coppice::init_ack) -> asio::awaitable<void> {
    throw mute{};
    co_return;
  };
  const auto root = coppice::start_supervisor(
      s.io, supervisor_spec{.name = "root",
                            .strategy = one_for_one,
                            .children = {coppice::worker("child", dies_at_once)}});
  s.clock.settle();
  CHECK_FALSE(root.get_pid().alive());
  REQUIRE_FALSE(s.reports.empty());
  CHECK(s.reports.front() ==
        "root: child <2> failed to start (" + name_of_mute + "); shutting down");
}

TEST_CASE("children that say nothing of how they ended are counted, and the others stop in order") {
  scene s;
  const auto sup = s.supervise(coppice::dynamic_supervisor_spec{.name = "pool"});
  for (int n = 0; n < 2; ++n) s.start(sup, coppice::worker("", stops_mutely));
  s.start(sup, s.child("a"));
  s.start(sup, coppice::worker("", ends_mutely).with_restart(coppice::temporary));
  s.clock.advance(1s);
  CHECK_FALSE(s.ask(sup.stop()).error);
  CHECK(s.log() == "+a -a");
  CHECK(s.reports.at(4) == "pool: <5> ended (" + name_of_mute + ")");
  CHECK(s.reports.at(5) == "pool <1>: 2 children stopped badly (" + name_of_mute + ")");
}

TEST_CASE("a report leaves out where in the sources an error came up") {
  const exit_reason bare = thrown(boost::system::system_error{reset()});
  const exit_reason named = thrown(boost::system::system_error{reset(), "read"});
  REQUIRE(bare.what().find("report_exceptions_test") != std::string::npos);
  const std::string type = "boost::system::system_error: ";
  CHECK(line(bare) == "process a <0> crashed (" + type + "Connection reset by peer [system:104])");
  CHECK(field(named, "reason") == type + "read: Connection reset by peer [system:104]");
  CHECK(bare.to_string() == type + "Connection reset by peer [system:104]");
}

TEST_CASE("... whatever wraps the error, and however deep it is nested") {
  exit_reason wrapped;
  try {
    BOOST_THROW_EXCEPTION(boost::system::system_error(reset(), "read"));
  } catch (...) {
    wrapped = exit_reason::error(std::current_exception());
  }
  exit_reason nested;
  try {
    try {
      throw boost::system::system_error{reset()};
    } catch (...) {
      std::throw_with_nested(std::runtime_error{"no news [system:1 at a.cpp:1:1]"});
    }
  } catch (...) {
    nested = exit_reason::error(std::current_exception());
  }
  const std::string type = "boost::system::system_error: ";
  CHECK(field(wrapped, "reason") == type + "read: Connection reset by peer [system:104]");
  CHECK(field(nested, "reason") ==
        "std::runtime_error: no news [system:1 at a.cpp:1:1], caused by " + type +
            "Connection reset by peer [system:104]");
}

TEST_CASE("an error that knows no place in the sources is told as it says itself") {
  const boost::system::system_error e{asio::error::make_error_code(asio::error::eof), "read"};
  CHECK(field(thrown(e), "reason") == std::string{"boost::system::system_error: "} + e.what());
}

TEST_CASE("an exception that is nested in itself is told once") {
  struct ring : std::runtime_error, std::nested_exception {
    ring() : std::runtime_error{"round"} {}
  };
  ring* thrown = nullptr;
  exit_reason reason;
  try {
    throw ring{};
  } catch (ring& r) {
    static_cast<std::nested_exception&>(r) = std::nested_exception{};
    thrown = &r;
    reason = exit_reason::error(std::current_exception());
  }
  CHECK(line(reason).ends_with("ring: round)"));
  static_cast<std::nested_exception&>(*thrown) = std::nested_exception{};  // lest it lives for ever
}
