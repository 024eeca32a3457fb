#include <coppice/detail/acceptor/socket_file.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace coppice::detail {

namespace {

bool is_socket(const std::string& path, struct ::stat& found) noexcept {
  return ::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
}

// Tells whether that socket refuses a connection. One whose queue is full does not, and this does
// not wait for it.
bool refuses(const std::string& path) noexcept {
  ::sockaddr_un where{};
  if (path.size() >= sizeof where.sun_path) return false;
  where.sun_family = AF_UNIX;
  std::memcpy(where.sun_path, path.data(), path.size());
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  const auto* address = reinterpret_cast<const ::sockaddr*>(&where);
  const bool refused = ::connect(probe, address, sizeof where) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return refused;
}

}  // namespace

bool socket_file::remove_dead(const std::string& path) noexcept {
  struct ::stat found {};
  return is_socket(path, found) && refuses(path) && ::unlink(path.c_str()) == 0;
}

// An abstract socket has no file: its path begins with a null character, and none is found.
void socket_file::bound_to(const std::string& path) {
  struct ::stat found {};
  if (!is_socket(path, found)) return;
  path_ = path;
  device_ = found.st_dev;
  number_ = found.st_ino;
}

void socket_file::remove() noexcept {
  struct ::stat found {};
  if (!path_.empty() && is_socket(path_, found) && found.st_dev == device_ &&
      found.st_ino == number_) {
    ::unlink(path_.c_str());
  }
  path_.clear();
}

}  // namespace coppice::detail
