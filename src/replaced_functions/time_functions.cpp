#include "replaced.hpp"
#include "replaced_functions.hpp"
#include "simulated_system/clocks.hpp"

#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <random>

namespace coppice::detail {

void link_time_functions() noexcept {}

namespace {

std::optional<duration> time_here(clockid_t which) noexcept {
  const simulated_system* const s = system_here();
  const std::optional<duration> offset = s != nullptr ? offset_of(which) : std::nullopt;
  if (!offset) return std::nullopt;
  return s->now() + *offset;
}

int sleep_here(simulated_system& s, duration d) {
  const failing_allocation::suspended own_work;
  s.pass_until([] { return false; }, s.now() + d);
  return 0;
}

}  // namespace

}  // namespace coppice::detail

using namespace coppice::detail;  // nothing follows but definitions of others' functions

COPPICE_EXPORT int clock_gettime(clockid_t which, timespec* into) noexcept {
  if (const auto now = time_here(which)) {
    *into = to_timespec(*now);
    return 0;
  }
  COPPICE_REAL(clock_gettime);
  return real(which, into);
}

COPPICE_EXPORT int gettimeofday(timeval* __restrict into, void* __restrict zone) noexcept {
  if (const auto now = time_here(CLOCK_REALTIME)) {
    const timespec t = to_timespec(*now);
    *into = {t.tv_sec, t.tv_nsec / 1000};
    return 0;
  }
  COPPICE_REAL(gettimeofday);
  return real(into, zone);
}

COPPICE_EXPORT time_t time(time_t* into) noexcept {
  if (const auto now = time_here(CLOCK_REALTIME)) {
    const time_t t = to_timespec(*now).tv_sec;
    if (into != nullptr) *into = t;
    return t;
  }
  COPPICE_REAL(time);
  return real(into);
}

COPPICE_EXPORT int nanosleep(const timespec* how_long, timespec* left) {
  if (simulated_system* const s = system_here()) return sleep_here(*s, to_duration(*how_long));
  COPPICE_REAL(nanosleep);
  return real(how_long, left);
}

COPPICE_EXPORT int clock_nanosleep(clockid_t which, int flags, const timespec* t, timespec* left) {
  if (simulated_system* const s = system_here()) {
    const duration given = to_duration(*t);
    const bool absolute = (flags & TIMER_ABSTIME) != 0;
    return sleep_here(*s, absolute ? given - time_here(which).value_or(s->now()) : given);
  }
  COPPICE_REAL(clock_nanosleep);
  return real(which, flags, t, left);
}

COPPICE_EXPORT int usleep(useconds_t microseconds) {
  if (simulated_system* const s = system_here()) {
    return sleep_here(*s, std::chrono::microseconds{microseconds});
  }
  COPPICE_REAL(usleep);
  return real(microseconds);
}

#if defined(__GLIBCXX__)
// Random seeds are drawn too. This is the member of libstdc++ behind `std::random_device{}()`.
std::random_device::result_type std::random_device::_M_getval() {
  if (simulated_system* const s = system_here()) {
    return static_cast<result_type>(s->random_device().next());
  }
  using function = result_type (*)(std::random_device*);
  static const auto real =
      reinterpret_cast<function>(::dlsym(RTLD_NEXT, "_ZNSt13random_device9_M_getvalEv"));
  return real(this);
}
#endif
