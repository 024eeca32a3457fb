#include "store_process.hpp"

#include "kept_store.hpp"

#include <coppice/name.hpp>
#include <coppice/process.hpp>

#include <chrono>
#include <cstddef>
#include <utility>

namespace keyvalue {

boost::asio::awaitable<void, coppice::executor> run_store(store_link& link,
                                                          connection_list& connections) {
  coppice::register_name(store_name);
  store data;
  const end_of_connections end{connections};
  const store_link::publication published{link, data};
  co_await coppice::sleep_for(std::chrono::steady_clock::duration::max());
}

boost::asio::awaitable<void, coppice::executor> sweep(store_link& link) {
  using namespace std::chrono_literals;
  constexpr std::size_t at_once = 250;

  while (true) {
    // With many to free, others get their turn in between. None of it waits for the disk, as clients
    // might write faster than that lets go.
    store* const data = link.get();
    if (data != nullptr && data->sweep(at_once) == at_once) {
      co_await coppice::sleep_for(1ms);
      continue;
    }
    if (!link.is_kept()) {
      // Whether it succeeds is the store's business.
      auto keeping = until_kept();
      co_await std::move(keeping);
    }
    co_await coppice::sleep_for(100ms);
  }
}

}  // namespace keyvalue
