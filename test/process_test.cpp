#include <coppice/process.hpp>

#include "support/world.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

TEST_CASE("spawn returns a pid at once and runs nothing yet") {
  world w;
  bool ran = false;
  const coppice::pid p = coppice::spawn(w.io, [&ran]() -> asio::awaitable<void> {
    ran = true;
    co_return;
  });
  CHECK(p.alive());
  CHECK_FALSE(ran);
  w.clock.settle();
  CHECK(ran);
  CHECK_FALSE(p.alive());
}
