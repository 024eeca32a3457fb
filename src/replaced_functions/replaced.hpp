#pragma once

#include "failing_allocation.hpp"
#include "simulated_system/descriptor.hpp"
#include "simulated_system/simulated_system.hpp"

#include <dlfcn.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>

// The functions that stand for those of the C library have this in common. Each asks whether its
// thread simulates, and whether the descriptor is a simulated one; otherwise it calls the one of
// the C library, which is the next of that name.
#define COPPICE_REAL(function) \
  static const auto real = reinterpret_cast<decltype(&function)>(::dlsym(RTLD_NEXT, #function))
#define COPPICE_EXPORT extern "C" __attribute__((visibility("default")))

namespace coppice::detail {

inline simulated_system* system_here() noexcept { return simulated_system::current(); }

// The simulated descriptor of that number, or null if this thread has none. No allocation of the
// simulation's own fails meanwhile.
template <class Kind>
class file_of_kind {
 public:
  explicit file_of_kind(Kind* f) noexcept : file_{f} {}
  explicit operator bool() const noexcept { return file_ != nullptr; }
  Kind* operator->() const noexcept { return file_; }
  Kind& operator*() const noexcept { return *file_; }

 private:
  const failing_allocation::suspended own_work_;
  Kind* file_;
};

template <class Kind = descriptor>
file_of_kind<Kind> file(int number) noexcept {
  simulated_system* const s = simulated_system::is_simulated(number) ? system_here() : nullptr;
  return file_of_kind<Kind>{s != nullptr ? s->find_as<Kind>(number) : nullptr};
}

template <class T>
T with_errno(T result) noexcept {
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

// Gives a number to what was made, or the errno below 0.
inline int open_file(simulated_system& s, const std::shared_ptr<descriptor>& d, bool nonblocking) {
  d->nonblocking = nonblocking;
  const int number = s.open(d);
  if (number < 0) d->closed();
  return number;
}

// A blocking call on a simulated descriptor lets time pass until it can go on.
template <class F>
ssize_t when_ready(descriptor& d, int flags, std::uint32_t events, F f) {
  for (;;) {
    const ssize_t result = f();
    const bool waits = !d.nonblocking && (flags & MSG_DONTWAIT) == 0;
    if (result != -EAGAIN || !waits) return with_errno(result);
    const auto ready = [&] { return (d.readiness() & (events | EPOLLERR | EPOLLHUP)) != 0; };
    if (!system_here()->pass_until(ready)) return with_errno(ssize_t{-EAGAIN});
  }
}

}  // namespace coppice::detail
