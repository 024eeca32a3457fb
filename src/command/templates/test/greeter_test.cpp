#include <@path@/greeter.hpp>

#include <coppice.hpp>

#include <boost/asio/io_context.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <sstream>
#include <string>

// Time stands still in these tests, and moves when they say so: none of them waits.
TEST_CASE("the greeter greets every second, and again when it has been killed") {
  boost::asio::io_context io;
  coppice::virtual_clock clock{io};
  coppice::set_report_sink(io, [](const coppice::report&) {});
  std::ostringstream out;
  const auto greeter = [&out] { return @module@::greeter(out); };
  coppice::start_supervisor(io, {.name = "test.supervisor",
                                 .strategy = coppice::one_for_one,
                                 .children = {coppice::worker("greeter", greeter)}});

  clock.settle();
  CHECK(out.str() == "hello, world\n");
  clock.advance(std::chrono::milliseconds{2500});
  CHECK(out.str() == "hello, world\nhello, world\nhello, world\n");

  const coppice::pid first = coppice::whereis(io, "greeter");
  coppice::kill(first);
  clock.settle();
  CHECK(coppice::whereis(io, "greeter") != first);
  CHECK(out.str() == "hello, world\nhello, world\nhello, world\nhello, world\n");
}
