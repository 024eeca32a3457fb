#pragma once

#include "harness.hpp"

#include <cstddef>
#include <exception>

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

/// How many processes wait when their heap is measured.
inline constexpr std::size_t many = 100'000;

inline std::size_t bytes_in_use() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// What setting up, and then running until all are there, adds to the heap.
template <class SetUp>
double bytes_each(asio::io_context& io, const std::size_t& running, SetUp set_up,
                  std::size_t of = many) {
  const std::size_t before = bytes_in_use();
  set_up();
  io.run();
  const std::size_t after = bytes_in_use();
  expect(running == of, "not all of them wait");
  return static_cast<double>(after - before) / static_cast<double>(of);
}

template <class Executor>
double bare_bytes() {
  asio::io_context io;
  std::size_t running = 0;
  return bytes_each(io, running, [&] {
    for (std::size_t i = 0; i < many; ++i) {
      asio::co_spawn(io, resident<Executor>(io, running, many), [](std::exception_ptr) {});
    }
  });
}

/// Measures in a new operating system process, where nothing is left over from earlier.
inline double in_new_process(double (*measure)()) {
  int ends[2];
  expect(::pipe(ends) == 0, "no pipe");
  const pid_t child = ::fork();
  expect(child >= 0, "no process");
  if (child == 0) {
    double value = -1;
    try {
      value = measure();
    } catch (...) {
    }
    const bool written = ::write(ends[1], &value, sizeof value) == sizeof value;
    ::_exit(written ? 0 : 1);
  }
  ::close(ends[1]);
  double value = -1;
  const bool read = ::read(ends[0], &value, sizeof value) == sizeof value;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  expect(read && value > 0, "not all of them wait, or the measuring process died");
  return value;
}

}  // namespace bench
