#include "replaced.hpp"
#include "replaced_functions.hpp"
#include "simulated_network/stream_socket.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace coppice::detail {

void link_socket_functions() noexcept {}

namespace {

int accept_from(stream_socket& listener, sockaddr* from, socklen_t* size, int flags) {
  std::shared_ptr<stream_socket> taken;
  const ssize_t result = when_ready(listener, 0, EPOLLIN, [&] {
    auto [s, error] = listener.accept();
    taken = std::move(s);
    return static_cast<ssize_t>(error);
  });
  if (result < 0) return -1;
  taken->peer().give(from, size);
  return with_errno(open_file(*system_here(), taken, (flags & SOCK_NONBLOCK) != 0));
}

}  // namespace

}  // namespace coppice::detail

using namespace coppice::detail;  // nothing follows but definitions of others' functions

COPPICE_EXPORT int socket(int family, int type, int protocol) noexcept {
  simulated_system* const s = system_here();
  const int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  const failing_allocation::suspended own_work;
  if (s != nullptr && (family == AF_INET || family == AF_INET6)) {
    if (kind != SOCK_STREAM) return with_errno(-EPROTONOSUPPORT);
    socket_conditions& conditions = s->net().conditions_of_opener();
    if (conditions.lacks_descriptors()) return with_errno(-EMFILE);
    return with_errno(open_file(*s, std::make_shared<stream_socket>(s->net(), conditions, family),
                                (type & SOCK_NONBLOCK) != 0));
  }
  COPPICE_REAL(socket);
  return real(family, type, protocol);
}

COPPICE_EXPORT int socketpair(int family, int type, int protocol, int numbers[2]) noexcept {
  simulated_system* const s = system_here();
  const int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  const failing_allocation::suspended own_work;
  if (s != nullptr && kind == SOCK_STREAM) {
    const auto [one, other] = stream_socket::pair(s->net());
    numbers[0] = open_file(*s, one, (type & SOCK_NONBLOCK) != 0);
    if (numbers[0] < 0) {
      other->closed();
      return with_errno(numbers[0]);
    }
    numbers[1] = open_file(*s, other, (type & SOCK_NONBLOCK) != 0);
    if (numbers[1] < 0) s->close(numbers[0]);
    return with_errno(std::min(numbers[1], 0));
  }
  COPPICE_REAL(socketpair);
  return real(family, type, protocol, numbers);
}

COPPICE_EXPORT int bind(int number, const sockaddr* where, socklen_t size) noexcept {
  if (const auto s = file<stream_socket>(number)) {
    const auto a = address::from(where, size);
    return with_errno(a ? s->bind(*a) : -EINVAL);
  }
  COPPICE_REAL(bind);
  return real(number, where, size);
}

COPPICE_EXPORT int listen(int number, int backlog) noexcept {
  if (const auto s = file<stream_socket>(number)) return with_errno(s->listen(backlog));
  COPPICE_REAL(listen);
  return real(number, backlog);
}

COPPICE_EXPORT int connect(int number, const sockaddr* where, socklen_t size) {
  if (const auto s = file<stream_socket>(number)) {
    const auto a = address::from(where, size);
    if (!a) return with_errno(-EINVAL);
    const int begun = s->connect(*a);
    if (begun != -EINPROGRESS || s->nonblocking) return with_errno(begun);
    system_here()->pass_until([&s] { return s->readiness() != 0; });
    int error = 0;
    socklen_t room = sizeof error;
    s->option(SOL_SOCKET, SO_ERROR, &error, &room);
    return with_errno(-error);
  }
  COPPICE_REAL(connect);
  return real(number, where, size);
}

COPPICE_EXPORT int accept(int number, sockaddr* from, socklen_t* size) {
  if (const auto s = file<stream_socket>(number)) return accept_from(*s, from, size, 0);
  COPPICE_REAL(accept);
  return real(number, from, size);
}

COPPICE_EXPORT int accept4(int number, sockaddr* from, socklen_t* size, int flags) {
  if (const auto s = file<stream_socket>(number)) {
    return accept_from(*s, from, size, flags);
  }
  COPPICE_REAL(accept4);
  return real(number, from, size, flags);
}

COPPICE_EXPORT int shutdown(int number, int how) noexcept {
  if (const auto s = file<stream_socket>(number)) return with_errno(s->shutdown(how));
  COPPICE_REAL(shutdown);
  return real(number, how);
}

COPPICE_EXPORT int getsockname(int number, sockaddr* into, socklen_t* size) noexcept {
  if (const auto s = file<stream_socket>(number)) {
    s->local().give(into, size);
    return 0;
  }
  COPPICE_REAL(getsockname);
  return real(number, into, size);
}

COPPICE_EXPORT int getpeername(int number, sockaddr* into, socklen_t* size) noexcept {
  if (const auto s = file<stream_socket>(number)) {
    if (!s->is_connected()) return with_errno(-ENOTCONN);
    s->peer().give(into, size);
    return 0;
  }
  COPPICE_REAL(getpeername);
  return real(number, into, size);
}

COPPICE_EXPORT int setsockopt(int number, int level, int name, const void* value,
                              socklen_t size) noexcept {
  if (const auto s = file<stream_socket>(number)) {
    return with_errno(s->set_option(level, name, value, size));
  }
  COPPICE_REAL(setsockopt);
  return real(number, level, name, value, size);
}

COPPICE_EXPORT int getsockopt(int number, int level, int name, void* value,
                              socklen_t* size) noexcept {
  if (const auto s = file<stream_socket>(number)) {
    return with_errno(s->option(level, name, value, size));
  }
  COPPICE_REAL(getsockopt);
  return real(number, level, name, value, size);
}
