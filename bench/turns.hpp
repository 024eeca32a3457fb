#pragma once

#include "harness.hpp"

#include <boost/asio/post.hpp>

#include <exception>

namespace bench {

inline constexpr long turns = 200'000;

template <class Coroutine>
Coroutine coppice_turns(counter& count) {
  while (!count.enough()) co_await coppice::yield();
}

/// What it costs to let others have a turn.
template <class Coroutine>
double coppice_yield() {
  asio::io_context io{1};
  count_reports(io);
  counter count{io, turns};
  coppice::spawn(io, coppice_turns<Coroutine>(count));
  io.run();
  return count.each();
}

inline asio::awaitable<void> bare_turns(counter& count) {
  while (!count.enough()) co_await asio::post(asio::use_awaitable);
}

inline double bare_yield() {
  asio::io_context io;
  counter count{io, turns};
  asio::co_spawn(io, bare_turns(count), [](std::exception_ptr) {});
  io.run();
  return count.each();
}

}  // namespace bench
