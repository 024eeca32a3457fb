// An expression that makes of the spec of a child of the page "A dependency that is down" another one.
#include <coppice.hpp>

#include <chrono>

using namespace std::chrono_literals;

boost::asio::awaitable<void> write_invoices();

inline coppice::child_spec with(coppice::child_spec spec) {
  return
      // fragment
      ;
}
