#include <coppice/detail/base/move_only_function.hpp>

#include <boost/asio/dispatch.hpp>

namespace coppice::detail {

// This is defined here for the virtual table of the class to be in this file alone.
move_only_function::holder::~holder() = default;

void dispatch(const boost::asio::any_io_executor& ex, move_only_function f) {
  boost::asio::dispatch(ex, std::move(f));
}

}  // namespace coppice::detail
