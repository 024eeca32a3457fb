// the start of a child is a function without arguments
#include <coppice.hpp>

boost::asio::awaitable<int> work();

int main() {
  return coppice::run(
      {.strategy = coppice::one_for_one, .children = {coppice::worker("worker", work)}});
}
