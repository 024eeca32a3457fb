// How many bytes of heap does a process take that waits in a timer?
//
//   memory.default     coppice::spawn and bare co_spawn of the same awaitable<void>
//   memory.typed       the same with awaitables of a known executor
//   memory.supervised  a child of a one_for_one supervisor, its spec included; bare: with a
//                      cancellation signal, so that it can be stopped at all
//   memory.dynamic     a child of a dynamic supervisor; bare: as above
//   memory.million     the same with 1,000,000 of them at once
//
// What the allocator has handed out, over 100,000 of them, each time in a new operating system
// process: no memory is left over from an earlier measurement.

#include "heap.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <deque>
#include <exception>

namespace bench {

namespace {

constexpr std::size_t million = 1'000'000;

double supervised_bytes() {
  asio::io_context io{1};
  count_reports(io);
  std::size_t running = 0;
  return bytes_each(io, running, [&] {
    std::vector<coppice::child_spec> children;
    children.reserve(many);
    for (std::size_t i = 0; i < many; ++i) {
      children.push_back(
          coppice::worker(std::to_string(i), [&] { return resident(io, running, many); }));
    }
    coppice::start_supervisor(io, supervisor_of(coppice::one_for_one, std::move(children)));
  });
}

template <std::size_t Of>
double dynamic_bytes() {
  asio::io_context io{1};
  count_reports(io);
  std::size_t running = 0;
  const auto set_up = [&] {
    const auto supervisor = coppice::start_supervisor(io, coppice::dynamic_supervisor_spec{});
    for (std::size_t i = 0; i < Of; ++i) {
      supervisor.start_child(coppice::worker("", [&] { return resident(io, running, Of); }));
      if (i % 1'000 == 0) io.poll();
    }
  };
  return bytes_each(io, running, set_up, Of);
}

template <std::size_t Of>
double stoppable_bytes() {
  std::deque<asio::cancellation_signal> signals;
  asio::io_context io;
  std::size_t running = 0;
  const auto set_up = [&] {
    for (std::size_t i = 0; i < Of; ++i) {
      asio::co_spawn(
          io, resident(io, running, Of),
          asio::bind_cancellation_slot(signals.emplace_back().slot(), [](std::exception_ptr) {}));
    }
  };
  return bytes_each(io, running, set_up, Of);
}

}  // namespace

void add_memory(std::vector<family>& to) {
  using any = asio::any_io_executor;
  using plain = asio::io_context::executor_type;

  family f{.name = "memory", .all = {}};
  const auto add = [&f](const char* row, const char* side, double (*measure)()) {
    f.add(row, side, [measure] { return in_new_process(measure); });
  };
  add("memory.default", "coppice", coppice_bytes<resident<any>>);
  add("memory.default", "bare", bare_bytes<resident<any>>);
  add("memory.typed", "coppice", coppice_bytes<resident<coppice::executor>>);
  add("memory.typed", "bare", bare_bytes<resident<plain>>);
  add("memory.supervised", "coppice", supervised_bytes);
  add("memory.supervised", "bare", stoppable_bytes<many>);
  add("memory.dynamic", "coppice", dynamic_bytes<many>);
  add("memory.dynamic", "bare", stoppable_bytes<many>);
  add("memory.million", "coppice", dynamic_bytes<million>);
  add("memory.million", "bare", stoppable_bytes<million>);
  to.push_back(std::move(f));
}

}  // namespace bench
