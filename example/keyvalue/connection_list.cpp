#include "connection_list.hpp"

#include <boost/system/error_code.hpp>

namespace keyvalue {

void connection_list::finish() noexcept {
  finishing_ = true;
  boost::system::error_code ignored;
  for (entry* e : entries_) {
    if (e->idle_) e->socket_.cancel(ignored);
  }
}

void connection_list::cut() noexcept {
  boost::system::error_code ignored;
  for (entry* e : entries_) e->socket_.shutdown(socket_type::shutdown_both, ignored);
}

}  // namespace keyvalue
