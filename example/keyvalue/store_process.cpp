#include "store_process.hpp"

#include <coppice/name.hpp>
#include <coppice/process.hpp>

#include <chrono>
#include <cstddef>

namespace keyvalue {

boost::asio::awaitable<void, coppice::executor> run_store(store_link& link,
                                                          connection_list& connections) {
  struct end {
    connection_list& of;
    ~end() { of.cut(); }
  };

  coppice::register_name(store_name);
  store data;
  const end ends{connections};
  const store_link::publication published{link, data};
  co_await coppice::sleep_for(std::chrono::steady_clock::duration::max());
}

boost::asio::awaitable<void, coppice::executor> sweep(store_link& link) {
  using namespace std::chrono_literals;
  constexpr std::size_t at_once = 250;

  while (true) {
    // With many to free, others get their turn in between.
    store* const data = link.get();
    const bool more = data != nullptr && data->sweep(at_once) == at_once;
    co_await coppice::sleep_for(more ? 1ms : 100ms);
  }
}

}  // namespace keyvalue
