#pragma once

#include "harness.hpp"
#include "new_process.hpp"

#include <cstddef>
#include <exception>

#include <malloc.h>

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

/// For so many processes with that body, which is called as `resident` is.
template <auto Body>
double coppice_bytes() {
  asio::io_context io{1};
  count_reports(io);
  std::size_t running = 0;
  return bytes_each(io, running, [&] {
    for (std::size_t i = 0; i < many; ++i) coppice::spawn(io, Body(io, running, many));
  });
}

template <auto Body>
double bare_bytes() {
  asio::io_context io;
  std::size_t running = 0;
  return bytes_each(io, running, [&] {
    for (std::size_t i = 0; i < many; ++i) {
      asio::co_spawn(io, Body(io, running, many), [](std::exception_ptr) {});
    }
  });
}

}  // namespace bench
