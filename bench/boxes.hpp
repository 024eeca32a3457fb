#pragma once

#include "harness.hpp"

#include <coppice/mailbox.hpp>
#include <coppice/task.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/experimental/basic_channel.hpp>
#include <boost/asio/experimental/channel_traits.hpp>

#include <cstddef>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

namespace bench {

/// `asio::experimental::channel<void(error_code, T)>`, of which a compiler could not deduce T.
template <class T>
using channel_of =
    asio::experimental::basic_channel<asio::any_io_executor, asio::experimental::channel_traits<>,
                                      void(boost::system::error_code, T)>;

template <class T>
auto next(coppice::mailbox<T>& from) {
  return from.receive();
}
template <class T>
asio::awaitable<T> next(channel_of<T>& from) {
  return from.async_receive(asio::use_awaitable);
}

template <class T>
void send(const coppice::address<T>& to, std::type_identity_t<T> message) {
  expect(to.send(std::move(message)) == coppice::send_result::delivered, "a message was lost");
}
template <class T>
void send(channel_of<T>& to, std::type_identity_t<T> message) {
  expect(to.try_send(boost::system::error_code{}, std::move(message)), "a message was lost");
}
template <class T>
void send(channel_of<T>* to, std::type_identity_t<T> message) {
  send(*to, std::move(message));
}

/// What a program of messages runs on, so that one text of it serves all sides: processes with a
/// body of that kind, which hold mailboxes.
template <class Coroutine>
struct coppice_loop {
  using coroutine = Coroutine;
  template <class T>
  using box = coppice::mailbox<T>;
  template <class T>
  using address = coppice::address<T>;

  asio::io_context io{1};

  coppice_loop() { count_reports(io); }

  /// @param room Only of meaning to a channel, whose sender does not wait either.
  template <class T>
  box<T> make_box([[maybe_unused]] std::size_t room) {
    return {};
  }
  template <class T>
  static address<T> address_of(const box<T>& b) {
    return b.get_address();
  }
  void start(Coroutine body) { coppice::spawn(io, std::move(body)); }
};

using awaitables = coppice_loop<asio::awaitable<void>>;
using tasks = coppice_loop<coppice::task<>>;

/// The same on bare Asio: coroutines that hold channels.
struct bare_loop {
  using coroutine = asio::awaitable<void>;
  template <class T>
  using box = channel_of<T>;
  template <class T>
  using address = channel_of<T>*;

  asio::io_context io;

  template <class T>
  box<T> make_box(std::size_t room) {
    return {io, room};
  }
  template <class T>
  static address<T> address_of(box<T>& b) {
    return &b;
  }
  void start(coroutine body) {
    asio::co_spawn(io, std::move(body), [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
  }
};

/// The two rows of one program of that size: with awaitables, and with tasks, which bare Asio does
/// not have.
inline void add_kinds(family& to, const std::string& row, long n, double (*awaitable)(long),
                      double (*task)(long), double (*bare)(long)) {
  to.add(row + ".awaitable", "coppice", [=] { return awaitable(n); });
  to.add(row + ".awaitable", "bare", [=] { return bare(n); });
  to.add(row + ".task", "coppice", [=] { return task(n); });
  to.add(row + ".task", "bare", [=] { return bare(n); });
}

}  // namespace bench
