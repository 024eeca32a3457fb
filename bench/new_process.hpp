#pragma once

#include "family.hpp"

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

/// Measures in a new operating system process, where nothing is left over from earlier.
///
/// @param measure Returns a value that can be copied byte by byte.
template <class Measure>
auto in_new_process(Measure measure) {
  int ends[2];
  expect(::pipe(ends) == 0, "no pipe");
  const pid_t child = ::fork();
  expect(child >= 0, "no process");
  if (child == 0) {
    bool written = false;
    try {
      const auto result = measure();
      written = ::write(ends[1], &result, sizeof result) == sizeof result;
    } catch (...) {
    }
    ::_exit(written ? 0 : 1);
  }
  ::close(ends[1]);
  decltype(measure()) result{};
  const bool read = ::read(ends[0], &result, sizeof result) == sizeof result;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  expect(read, "not all of them wait, or the measuring process died");
  return result;
}

/// Bytes of memory, and nanoseconds of processor time.
struct usage {
  double memory = 0;
  double time = 0;
};

/// The peak of this process's resident memory up to now, and its processor time.
inline usage used() {
  rusage u{};
  expect(::getrusage(RUSAGE_SELF, &u) == 0, "the system does not tell what is used");
  const auto nanoseconds_of = [](const timeval& t) {
    return nanoseconds(std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_usec});
  };
  return {1'024.0 * static_cast<double>(u.ru_maxrss),
          nanoseconds_of(u.ru_utime) + nanoseconds_of(u.ru_stime)};
}

/// What has been used since then, for each of so many.
inline usage each_since(const usage& before, long many) {
  const usage now = used();
  const auto of = static_cast<double>(many);
  return {(now.memory - before.memory) / of, (now.time - before.time) / of};
}

}  // namespace bench
