#include "pipe_interface.hpp"

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace sequence {

namespace asio = boost::asio;

namespace {

int copy_of(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) {
    throw boost::system::system_error{errno, boost::system::system_category(), "standard input"};
  }
  return copy;
}

}  // namespace

pipe_interface::pipe_interface(asio::io_context& io) : input_{io, copy_of(STDIN_FILENO)} {}

asio::awaitable<std::optional<std::string>> pipe_interface::read_line() {
  std::string& waiting = input_.waiting;
  bool more = true;
  std::size_t end = waiting.find('\n');
  while (more && end == std::string::npos) {
    const std::size_t searched = waiting.size();
    auto reading = input_.read();
    more = co_await std::move(reading);
    end = waiting.find('\n', searched);
  }
  if (!more && waiting.empty()) co_return std::nullopt;
  std::string line = waiting.substr(0, end);
  waiting.erase(0, end == std::string::npos ? end : end + 1);
  if (line.ends_with('\r')) line.pop_back();
  print("> " + line + '\n');
  co_return line;
}

asio::awaitable<void> pipe_interface::read_key() {
  throw std::logic_error{"a pipe has no keys"};
  co_return;
}

void pipe_interface::print(std::string_view lines) {
  std::fwrite(lines.data(), 1, lines.size(), stdout);
  std::fflush(stdout);
}

}  // namespace sequence
