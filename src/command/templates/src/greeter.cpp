#include <@path@/greeter.hpp>

#include <@path@.hpp>

#include <coppice/name.hpp>
#include <coppice/process.hpp>

#include <chrono>

namespace @module@ {

boost::asio::awaitable<void> greeter(std::ostream& out) {
  coppice::register_name("greeter");
  for (;;) {
    out << "hello, " << hello() << std::endl;
    co_await coppice::sleep_for(std::chrono::seconds{1});
  }
}

}  // namespace @module@
