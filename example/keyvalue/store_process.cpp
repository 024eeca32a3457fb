#include "store_process.hpp"

#include <coppice/name.hpp>
#include <coppice/process.hpp>

#include <chrono>
#include <cstddef>

namespace keyvalue {

boost::asio::awaitable<void, coppice::executor> run_store(store_link& link) {
  using namespace std::chrono_literals;
  constexpr std::size_t at_once = 250;

  coppice::register_name(store_name);
  store data;
  const store_link::publication published{link, data};
  while (true) {
    co_await coppice::sleep_for(100ms);
    // With many to free, others get their turn in between.
    while (data.sweep(at_once) == at_once) co_await coppice::sleep_for(1ms);
  }
}

}  // namespace keyvalue
