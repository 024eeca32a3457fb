#pragma once

#include "harness.hpp"

#include <coppice/mailbox.hpp>

#include <boost/asio/experimental/channel.hpp>

#include <cstddef>

namespace bench {

using channel = asio::experimental::channel<void(boost::system::error_code, int)>;

inline asio::awaitable<int> next(coppice::mailbox<int>& from) {
  return from.receive()(asio::use_awaitable);
}
inline asio::awaitable<int> next(channel& from) { return from.async_receive(asio::use_awaitable); }

inline void send(const coppice::address<int>& to, int message) {
  expect(to.send(message) == coppice::send_result::delivered, "a message was lost");
}
inline void send(channel& to, int message) {
  expect(to.try_send(boost::system::error_code{}, message), "a message was lost");
}

/// Answers each message with its successor. From and To are what `next` and `send` take.
template <class From, class To>
asio::awaitable<void> answer(From& from, To& to) {
  for (;;) send(to, co_await next(from) + 1);
}

}  // namespace bench
