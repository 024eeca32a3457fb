#pragma once

#include "harness.hpp"

#include <coppice/task.hpp>

#include <exception>
#include <stdexcept>

namespace bench {

/// How a body ends, again and again.
enum class ending { returns, throws, exits };

/// Ends as told, until it has been started often enough; then it waits.
inline asio::awaitable<void> crash(counter& starts, ending how) {
  if (starts.enough()) co_await wait_for_ever();
  switch (how) {
    case ending::returns: break;
    case ending::throws: throw std::runtime_error{"crash"};
    case ending::exits: co_await coppice::exit(coppice::exit_reason::error("crash"));
  }
}

/// As `crash`. Not a template over both: g++ 12 makes code of that which takes longer to throw.
[[maybe_unused]] static coppice::task<> crash_task(counter& starts, ending how) {
  if (starts.enough()) co_await coppice::sleep_for(std::chrono::hours{24});
  switch (how) {
    case ending::returns: break;
    case ending::throws: throw std::runtime_error{"crash"};
    case ending::exits: co_await coppice::exit(coppice::exit_reason::error("crash"));
  }
}

/// What a restart of the child that `make` makes costs a supervisor that has that budget, each.
template <class Make>
double restarts_of(Make make, long restarts, restart_budget budget, reports r) {
  asio::io_context io{1};
  report_to(io, r);
  counter starts{io, restarts};
  std::vector<coppice::child_spec> children;
  children.push_back(make(starts));
  coppice::start_supervisor(io, supervisor_of(coppice::one_for_one, std::move(children), budget));
  io.run();
  return starts.each();
}

/// The same of a child with that body.
template <auto Body = crash>
double coppice_restart(ending how, long restarts, restart_budget budget = unlimited,
                       reports r = reports::counted) {
  const auto make = [how](counter& starts) {
    return coppice::worker("crashing", [&starts, how] { return Body(starts, how); });
  };
  return restarts_of(make, restarts, budget, r);
}

/// The same of a child that acknowledges its start, as a server does.
inline double acknowledged_restart(ending how, long restarts) {
  const auto make = [how](counter& starts) {
    return coppice::worker("crashing", [&starts, how](coppice::init_ack up) {
      up.ready();
      return crash(starts, how);
    });
  };
  return restarts_of(make, restarts, unlimited, reports::counted);
}

/// What one writes by hand: a completion handler that starts it again.
template <class Body>
void start_again(asio::io_context& io, Body body) {
  asio::co_spawn(io, body(), [&io, body](std::exception_ptr) { start_again(io, body); });
}

/// What a restart costs that way, each.
inline double bare_restart(ending how, long restarts) {
  asio::io_context io;
  counter starts{io, restarts};
  start_again(io, [&starts, how] { return crash(starts, how); });
  io.run();
  return starts.each();
}

}  // namespace bench
