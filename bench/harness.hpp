#pragma once

#include "family.hpp"

#include <coppice/process.hpp>
#include <coppice/report_sink.hpp>
#include <coppice/supervisor.hpp>
#include <coppice/task.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

namespace asio = boost::asio;

/// Counts an event that repeats, and notes when it was first and last counted.
class counter {
 public:
  counter(asio::io_context& io, long wanted) noexcept : io_{io}, wanted_{wanted} {}

  /// True from the time on when the event has been repeated often enough; stops the io_context
  /// then.
  bool enough() {
    if (count_ == 0) begin_ = clock::now();
    if (++count_ <= wanted_) return false;
    end_ = clock::now();
    io_.stop();
    return true;
  }

  [[nodiscard]] double each() const {
    expect(count_ == wanted_ + 1, "another number of repetitions than asked for");
    return nanoseconds(end_ - begin_) / static_cast<double>(wanted_);
  }

 private:
  asio::io_context& io_;
  long wanted_;
  long count_ = 0;
  clock::time_point begin_{};
  clock::time_point end_{};
};

/// Waits in an Asio timer that nobody rings.
template <class Executor = asio::any_io_executor>
asio::awaitable<void, Executor> wait_for_ever() {
  using timer = asio::basic_waitable_timer<clock, asio::wait_traits<clock>, Executor>;
  timer t{co_await asio::this_coro::executor, std::chrono::hours{24}};
  co_await t.async_wait(asio::use_awaitable_t<Executor>{});
}

/// Counts itself, then waits for ever. Stops the io_context when it is the last of so many.
template <class Executor = asio::any_io_executor>
asio::awaitable<void, Executor> resident(asio::io_context& io, std::size_t& running,
                                         std::size_t of) {
  if (++running == of) io.stop();
  co_await wait_for_ever<Executor>();
}

/// The same as a task, which waits in coppice's own `sleep_for`.
inline coppice::task<> sleeper(asio::io_context& io, std::size_t& running, std::size_t of) {
  if (++running == of) io.stop();
  co_await coppice::sleep_for(std::chrono::hours{24});
}

/// Reports are on, as a user has them; they go to a sink that counts them and does nothing else.
inline void count_reports(asio::io_context& io) {
  [[maybe_unused]] static long count = 0;
  coppice::set_report_sink(io, [](const coppice::report&) { ++count; });
}

/// Whether reports are made at all.
enum class reports { counted, off };

inline void report_to(asio::io_context& io, reports r) {
  if (r == reports::counted) return count_reports(io);
  coppice::set_report_sink(io, {});
}

/// So many restarts are forgiven within so much time.
struct restart_budget {
  std::size_t intensity;
  std::chrono::nanoseconds period;
};

/// One that is never spent, and remembers few restarts.
inline constexpr restart_budget unlimited{.intensity = 100'000'000,
                                          .period = std::chrono::nanoseconds{1}};

/// One that OTP can be given too, and that remembers every restart of the last second.
inline constexpr restart_budget million_a_second{.intensity = 1'000'000,
                                                 .period = std::chrono::seconds{1}};

inline coppice::supervisor_spec supervisor_of(coppice::strategy s,
                                              std::vector<coppice::child_spec> children,
                                              restart_budget budget = unlimited) {
  return {.strategy = s,
          .intensity = budget.intensity,
          .period = budget.period,
          .children = std::move(children)};
}

/// How many others there are, where the question is what they cost.
inline constexpr std::size_t growing[]{1, 1'000, 100'000};

void add_spawn(std::vector<family>& to);
void add_restart(std::vector<family>& to);
void add_siblings(std::vector<family>& to);
void add_group(std::vector<family>& to);
void add_many(std::vector<family>& to);
void add_mass_crash(std::vector<family>& to);
void add_killed(std::vector<family>& to);
void add_memory(std::vector<family>& to);
void add_million(std::vector<family>& to);
void add_message(std::vector<family>& to);
void add_server(std::vector<family>& to);
void add_timer(std::vector<family>& to);
void add_storm(std::vector<family>& to);
void add_task(std::vector<family>& to);

// The workloads that others publish can be of another size too.
void add_skynet(std::vector<family>& to, size n);
void add_ring(std::vector<family>& to, size n);
void add_big(std::vector<family>& to, size n);
void add_hackbench(std::vector<family>& to, size n);
void add_sleepers(std::vector<family>& to, size n);
void add_supervision_heavy(std::vector<family>& to, size n);

}  // namespace bench
