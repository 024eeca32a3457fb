#pragma once

#include "boxes.hpp"

#include <exception>
#include <utility>

namespace bench {

using channel = channel_of<int>;

/// So many messages one way before one comes back.
inline constexpr int burst = 100;

/// Answers each message with its successor. From and To are what `next` and `send` take.
template <class From, class To>
asio::awaitable<void> answer(From& from, To& to) {
  for (;;) send(to, co_await next(from) + 1);
}

/// Has its messages answered.
template <class From, class To>
asio::awaitable<void> round_trips(From& from, To& to, counter& count) {
  for (int i = 0; !count.enough(); i += 2) {
    send(to, i);
    const int answered = co_await next(from);
    expect(answered == i + 1, "another answer");
  }
}

/// Sends so many at a time, and has them added up.
template <class From, class To>
asio::awaitable<void> send_bursts(From& from, To& to, counter& count) {
  while (!count.enough()) {
    for (int i = 0; i < burst; ++i) send(to, i);
    const int sum = co_await next(from);
    expect(sum == burst * (burst - 1) / 2, "a message is missing");
  }
}

/// Adds up so many at a time.
template <class From, class To>
asio::awaitable<void> take_bursts(From& from, To& to) {
  for (;;) {
    int sum = 0;
    for (int i = 0; i < burst; ++i) sum += co_await next(from);
    send(to, sum);
  }
}

/// Two pairs of ends on bare Asio, and what they run on.
struct bare_world {
  asio::io_context io;
  channel here{io, burst}, there{io, burst};
  channel& to_here = here;
  channel& to_there = there;

  void start(asio::awaitable<void> body) {
    asio::co_spawn(io, std::move(body), [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
  }
};

}  // namespace bench
