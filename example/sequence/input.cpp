#include "input.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <fcntl.h>

#include <cerrno>
#include <cstddef>

namespace sequence {

namespace asio = boost::asio;

input::input(asio::io_context& io, int fd) : from_{io, fd}, flags_{::fcntl(fd, F_GETFL)} {}

input::~input() { ::fcntl(from_.native_handle(), F_SETFL, flags_); }

asio::awaitable<bool> input::read() {
  boost::system::error_code ec;
  const std::size_t n = co_await from_.async_read_some(
      asio::buffer(chunk_), asio::redirect_error(asio::use_awaitable, ec));
  // A terminal whose other side is gone answers with an input/output error.
  if (ec == asio::error::eof || ec.value() == EIO) co_return false;
  if (ec) throw boost::system::system_error{ec};
  waiting.append(chunk_.data(), n);
  co_return true;
}

}  // namespace sequence
