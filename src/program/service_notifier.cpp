#include "service_notifier.hpp"

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace coppice::detail {

namespace {

std::string_view variable(const char* name) noexcept {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::optional<long long> number_in(const char* name) noexcept {
  const std::string_view text = variable(name);
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

// A name that begins with '@' is one of Linux' abstract ones. Any other is a path; what is neither
// is of another kind of socket, which systemd uses between virtual machines.
std::string address_of(std::string_view name) {
  sockaddr_un to{};
  if (name.size() < 2 || (name.front() != '/' && name.front() != '@')) return {};
  if (name.size() >= sizeof to.sun_path) return {};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, name.data(), name.size());
  if (name.front() == '@') to.sun_path[0] = '\0';
  const bool is_path = name.front() == '/';
  return {reinterpret_cast<const char*>(&to),
          offsetof(sockaddr_un, sun_path) + name.size() + (is_path ? 1 : 0)};
}

}  // namespace

service_notifier::service_notifier(bool wanted) {
  if (!wanted) return;
  address_ = address_of(variable("NOTIFY_SOCKET"));
  if (!address_.empty()) socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

service_notifier::~service_notifier() {
  if (socket_ >= 0) ::close(socket_);
}

bool service_notifier::tell(std::string_view message) const noexcept {
  if (socket_ < 0) return true;
  sockaddr_un to{};
  std::memcpy(&to, address_.data(), address_.size());
  return ::sendto(socket_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                  reinterpret_cast<const sockaddr*>(&to),
                  static_cast<socklen_t>(address_.size())) >= 0 ||
         (errno != EAGAIN && errno != ENOBUFS);
}

// $WATCHDOG_PID says which process the manager watches: a child that has inherited the variables is
// another one.
std::optional<std::chrono::microseconds> service_notifier::watchdog() const {
  if (!is_open()) return std::nullopt;
  if (!variable("WATCHDOG_PID").empty() && number_in("WATCHDOG_PID") != ::getpid()) {
    return std::nullopt;
  }
  const auto time = number_in("WATCHDOG_USEC");
  if (!time) return std::nullopt;
  return std::chrono::microseconds{*time};
}

}  // namespace coppice::detail
