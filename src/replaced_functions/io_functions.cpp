#include "replaced.hpp"
#include "replaced_functions.hpp"
#include "simulated_network/stream_socket.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <span>

namespace coppice::detail {

void link_io_functions() noexcept {}

namespace {

ssize_t read_into(descriptor& d, std::span<const iovec> into, int flags) {
  return when_ready(d, flags, EPOLLIN, [&] { return d.read(into, flags); });
}
ssize_t write_from(descriptor& d, std::span<const iovec> from, int flags) {
  return when_ready(d, flags, EPOLLOUT, [&] { return d.write(from, flags); });
}

std::span<const iovec> pieces_of(const msghdr* m) noexcept { return {m->msg_iov, m->msg_iovlen}; }

}  // namespace

}  // namespace coppice::detail

using namespace coppice::detail;  // nothing follows but definitions of others' functions

COPPICE_EXPORT ssize_t recv(int number, void* into, size_t size, int flags) {
  const iovec piece{into, size};
  if (const auto d = file(number)) return read_into(*d, {&piece, 1}, flags);
  COPPICE_REAL(recv);
  return real(number, into, size, flags);
}

COPPICE_EXPORT ssize_t recvmsg(int number, msghdr* m, int flags) {
  if (const auto d = file(number)) return read_into(*d, pieces_of(m), flags);
  COPPICE_REAL(recvmsg);
  return real(number, m, flags);
}

COPPICE_EXPORT ssize_t read(int number, void* into, size_t size) {
  const iovec piece{into, size};
  if (const auto d = file(number)) return read_into(*d, {&piece, 1}, 0);
  COPPICE_REAL(read);
  return real(number, into, size);
}

COPPICE_EXPORT ssize_t readv(int number, const iovec* into, int count) {
  if (const auto d = file(number)) {
    return read_into(*d, {into, static_cast<std::size_t>(count)}, 0);
  }
  COPPICE_REAL(readv);
  return real(number, into, count);
}

COPPICE_EXPORT ssize_t send(int number, const void* from, size_t size, int flags) {
  const iovec piece{const_cast<void*>(from), size};
  if (const auto d = file(number)) return write_from(*d, {&piece, 1}, flags);
  COPPICE_REAL(send);
  return real(number, from, size, flags);
}

COPPICE_EXPORT ssize_t sendmsg(int number, const msghdr* m, int flags) {
  if (const auto d = file(number)) return write_from(*d, pieces_of(m), flags);
  COPPICE_REAL(sendmsg);
  return real(number, m, flags);
}

COPPICE_EXPORT ssize_t write(int number, const void* from, size_t size) {
  const iovec piece{const_cast<void*>(from), size};
  if (const auto d = file(number)) return write_from(*d, {&piece, 1}, 0);
  COPPICE_REAL(write);
  return real(number, from, size);
}

COPPICE_EXPORT ssize_t writev(int number, const iovec* from, int count) {
  if (const auto d = file(number)) {
    return write_from(*d, {from, static_cast<std::size_t>(count)}, 0);
  }
  COPPICE_REAL(writev);
  return real(number, from, count);
}

COPPICE_EXPORT int close(int number) {
  if (const auto d = file(number)) return with_errno(system_here()->close(number));
  COPPICE_REAL(close);
  return real(number);
}

COPPICE_EXPORT int ioctl(int number, unsigned long request, ...) noexcept {
  va_list rest;
  va_start(rest, request);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  if (const auto d = file(number)) {
    auto& value = *static_cast<int*>(argument);
    const auto* const s = dynamic_cast<const stream_socket*>(&*d);
    switch (request) {
      case FIONBIO: d->nonblocking = value != 0; return 0;
      case FIONREAD: value = s != nullptr ? static_cast<int>(s->available()) : 0; return 0;
      default: return with_errno(-ENOTTY);
    }
  }
  COPPICE_REAL(ioctl);
  return real(number, request, argument);
}

// It has two names, of which a program uses one or the other.
static int fcntl_here(int number, int what, void* argument,
                      int (*real)(int, int, void*)) {
  if (const auto d = file(number)) {
    const auto flags = static_cast<int>(reinterpret_cast<std::intptr_t>(argument));
    switch (what) {
      case F_GETFL: return O_RDWR | (d->nonblocking ? O_NONBLOCK : 0);
      case F_SETFL: d->nonblocking = (flags & O_NONBLOCK) != 0; return 0;
      case F_GETFD: return FD_CLOEXEC;
      case F_SETFD: return 0;
      default: return with_errno(-EINVAL);
    }
  }
  return real(number, what, argument);
}

#define COPPICE_FCNTL(function)                                                                 \
  COPPICE_EXPORT int replaced_##function(int number, int what, void* argument) asm(#function); \
  COPPICE_EXPORT int replaced_##function(int number, int what, void* argument) {               \
    static const auto real =                                                                    \
        reinterpret_cast<int (*)(int, int, void*)>(::dlsym(RTLD_NEXT, #function));              \
    return fcntl_here(number, what, argument, real);                                            \
  }
COPPICE_FCNTL(fcntl)
COPPICE_FCNTL(fcntl64)
