// (Asio 1.26) in an asio::awaitable a task that returns a value is awaited with a token
#include <coppice.hpp>

coppice::task<int> square(int n);

boost::asio::awaitable<void> start() {
  const int n = co_await square(3);
  static_cast<void>(n);
}
