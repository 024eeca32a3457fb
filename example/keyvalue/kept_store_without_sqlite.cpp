#include "kept_store.hpp"

#include <stdexcept>

namespace keyvalue {

bool can_keep_store() noexcept { return false; }

std::vector<coppice::child_spec> kept_store(common&) {
  throw std::logic_error{"there is no file without SQLite"};
}

// What there is is in memory.
boost::asio::awaitable<bool, coppice::executor> until_kept() { co_return true; }

}  // namespace keyvalue
