#include <coppice/detail/base/move_only_function.hpp>

#include <boost/asio/dispatch.hpp>

namespace coppice::detail {

move_only_function::holder::~holder() = default;

void dispatch(const boost::asio::any_io_executor& ex, move_only_function f) {
  boost::asio::dispatch(ex, std::move(f));
}

}  // namespace coppice::detail
