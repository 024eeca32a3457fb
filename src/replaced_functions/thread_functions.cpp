#include "replaced.hpp"
#include "replaced_functions.hpp"
#include "simulated_system/clocks.hpp"
#include "simulated_threads/simulated_threads.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>

namespace coppice::detail {

void link_thread_functions() noexcept {}

namespace {

// A thread that never ends is given up, so that what joins it in a destructor can go on; the play
// has failed.
int join_here(simulated_threads& all, simulated_thread& t, pthread_t handle) {
  while (t.is_alive) {
    if (all.wait_for(&t, "the end of a thread")) continue;
    pthread_detach(handle);
    all.forget(t);
    return EDEADLK;
  }
  all.forget(t);
  return 0;
}

// Somebody is in std::call_once with that flag.
class once_begun {
 public:
  once_begun(simulated_threads& all, const void* flag) : all_{all}, flag_{flag} {
    all_.begun().push_back(flag);
  }
  once_begun(const once_begun&) = delete;
  once_begun& operator=(const once_begun&) = delete;
  ~once_begun() {
    std::erase(all_.begun(), flag_);
    all_.wake(flag_);
  }

 private:
  simulated_threads& all_;
  const void* flag_;
};

// Waits for the change of a number, as futures, atomics, latches, semaphores and statics of the
// standard library do.
long wait_for_number(simulated_threads& all, const std::uint32_t* number, std::uint32_t value,
                     std::optional<duration> limit) {
  if (__atomic_load_n(number, __ATOMIC_SEQ_CST) != value) return -EAGAIN;
  if (all.wait_for(number, "the change of an atomic, or a future", limit)) return 0;
  if (limit) return -ETIMEDOUT;
  // The standard library expects that this call neither fails nor throws.
  std::fprintf(stderr, "coppice: a simulation fails: %s\n", all.failure().c_str());
  std::terminate();
}

// Nothing: it is another call, or there is no other thread that could wake this one.
std::optional<long> futex_here(simulated_threads& all, const std::array<long, 6>& a) {
  const failing_allocation::suspended own_work;
  const auto* const number = reinterpret_cast<const std::uint32_t*>(a[0]);
  const auto value = static_cast<std::uint32_t>(a[2]);
  const auto* const time = reinterpret_cast<const timespec*>(a[3]);
  std::optional<duration> limit;
  switch (a[1] & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
      if (time == nullptr && simulated_threads::if_several() == nullptr) return std::nullopt;
      if (time != nullptr) limit = system_here()->now() + to_duration(*time);
      return wait_for_number(all, number, value, limit);
    case FUTEX_WAIT_BITSET:
      if (time == nullptr && simulated_threads::if_several() == nullptr) return std::nullopt;
      if (time != nullptr) limit = moment_of(*time);
      return wait_for_number(all, number, value, limit);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET: {
      const std::size_t woken = all.wake(number, value);
      if (woken == 0) return std::nullopt;  // perhaps a thread beside the simulation waits
      return static_cast<long>(woken);
    }
    default: return std::nullopt;
  }
}

}  // namespace

}  // namespace coppice::detail

using namespace coppice::detail;  // nothing follows but definitions of others' functions

COPPICE_EXPORT int pthread_create(pthread_t* into, const pthread_attr_t* how,
                                  void* (*begin)(void*), void* argument) noexcept {
  COPPICE_REAL(pthread_create);
  simulated_threads* const all = simulated_threads::current();
  if (all == nullptr) return real(into, how, begin, argument);
  const failing_allocation::suspended own_work;
  simulated_thread& t = all->add(begin, argument);
  const int error = real(into, how, &simulated_threads::run, &t);
  if (error != 0) {
    all->forget(t);
  } else {
    t.handle = *into;
    t.is_alive = true;
  }
  return error;
}

COPPICE_EXPORT int pthread_join(pthread_t handle, void** result) {
  if (simulated_threads* const all = simulated_threads::if_several()) {
    const failing_allocation::suspended own_work;
    simulated_thread* const t = all->find(handle);
    if (t != nullptr && join_here(*all, *t, handle) != 0) return 0;
  }
  COPPICE_REAL(pthread_join);
  return real(handle, result);
}

COPPICE_EXPORT int pthread_once(pthread_once_t* flag, void (*routine)()) {
  COPPICE_REAL(pthread_once);
  simulated_threads* const all = simulated_threads::if_several();
  if (all == nullptr) return real(flag, routine);
  const auto is_begun = [&] { return std::ranges::count(all->begun(), flag) > 0; };
  while (is_begun()) {
    if (!all->wait_for(flag, "a call_once")) return EDEADLK;
  }
  const once_begun now{*all, flag};
  return real(flag, routine);
}

COPPICE_EXPORT int sched_yield() noexcept {
  if (simulated_threads* const all = simulated_threads::if_several()) {
    const failing_allocation::suspended own_work;
    all->pause();
    return 0;
  }
  COPPICE_REAL(sched_yield);
  return real();
}

// A file's content lives as long as the system, which a simulation does not end: so nothing has to
// be written, and it only takes its time.
COPPICE_EXPORT int fsync(int number) {
  if (simulated_threads* const all = simulated_threads::current()) {
    const failing_allocation::suspended own_work;
    all->pause();
    return 0;
  }
  COPPICE_REAL(fsync);
  return real(number);
}

COPPICE_EXPORT int fdatasync(int number) {
  if (simulated_threads::current() != nullptr) return ::fsync(number);
  COPPICE_REAL(fdatasync);
  return real(number);
}

// The library's own statics wait by this function, so it must not have one that they guard.
COPPICE_EXPORT long syscall(long number, ...) noexcept {
  std::array<long, 6> a{};
  va_list rest;
  va_start(rest, number);
  for (long& argument : a) argument = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_futex) {
    if (simulated_threads* const all = simulated_threads::current()) {
      if (const auto result = futex_here(*all, a)) return with_errno(*result);
    }
  }
  static constinit std::atomic<decltype(&syscall)> found{nullptr};
  auto real = found.load(std::memory_order_relaxed);
  if (real == nullptr) {
    real = reinterpret_cast<decltype(&syscall)>(::dlsym(RTLD_NEXT, "syscall"));
    found.store(real, std::memory_order_relaxed);
  }
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
