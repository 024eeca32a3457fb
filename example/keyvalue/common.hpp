#pragma once

#include "budget.hpp"
#include "connection_list.hpp"
#include "options.hpp"
#include "store_process.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>

namespace keyvalue {

/// What connections have in common. Outlives them.
struct common {
  boost::asio::io_context& io;
  options given{};
  connection_list connections{};
  store_link store{};
  /// For what is on its way to and from all of them: a gigabyte.
  budget under_way{std::size_t{1} << 30};
};

}  // namespace keyvalue
