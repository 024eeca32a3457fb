#include <coppice.hpp>

#include <iostream>

namespace {

boost::asio::awaitable<void> hello() {
  std::cout << "hello from " << coppice::self() << '\n';
  co_return;
}

}  // namespace

int main() {
  return coppice::run(
      {.strategy = coppice::one_for_one,
       .auto_shutdown = coppice::auto_shutdown::any_significant,
       .children = {
           coppice::worker("hello", hello).with_restart(coppice::temporary).with_significant()}});
}
