#include <coppice/watchdog.hpp>

#include "print_blocked.hpp"
#include "stack_probe.hpp"

#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/watchdog/block_detector.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coppice {

namespace detail {

// The thread of a watchdog, and what it shares with the loop's thread. `block_detector` decides;
// this class looks, pings, asks and tells.
//
// The thread notes each time that the loop stands still, and calls `on_blocked`. The report is left
// to the ping, which waits in the queue of the io_context by then: it comes out when the loop is
// free again. So no turn has to look for something to tell at its end, and an io_context that runs
// out of work has told it before.
//
// The ping shares the ownership, since it may wait for longer than there is a watchdog.
class watch final : public loop_member, public std::enable_shared_from_this<watch> {
 public:
  watch(scheduler& home, watchdog_options options)
      : home_{home}, options_{std::move(options)}, probe_{options_.signal} {}

  void start() {
    const signals_blocked for_the_thread;
    thread_ = std::thread{[this] { run(); }};
    home_.members().push_back(*this);
  }
  // Stops looking, and tells what is still to be told.
  void end() noexcept {
    if (!thread_.joinable()) return;
    stop();
    tell_blocks();
  }
  // The io_context goes, and nobody is told anything any more.
  void leave_loop() noexcept override { stop(); }

 private:
  static constexpr duration shortest_period = std::chrono::milliseconds{1};

  // One time that the loop stands still.
  struct block {
    time_point since;
    pid process{};
    std::string label{};
    std::vector<std::string> stack{};
    duration time{};

    [[nodiscard]] loop_blocked report() const noexcept { return {process, label, time, stack}; }
  };
  // What is known when the loop's thread is asked.
  struct suspicion {
    time_point since;
    bool in_turn;
    loop_progress::sight seen;
  };

  void stop() noexcept;
  void run();
  [[nodiscard]] std::optional<suspicion> look();
  void post_ping();
  void ping_came();
  void examine(const suspicion& s);
  [[nodiscard]] std::optional<block> judge(const suspicion& s, std::optional<loop_sight> answer);
  void loop_moved(time_point now) noexcept;
  void tell_blocks() noexcept;

  scheduler& home_;
  const watchdog_options options_;
  stack_probe probe_;
  std::thread thread_;

  std::mutex guard_;  // of all that follows
  std::condition_variable end_;
  bool over_ = false;
  block_detector detector_;
  loop_progress::sight seen_;
  std::vector<block> untold_;
  bool blocked_ = false;  // the last one of `untold_` is not over
};

void watch::stop() noexcept {
  {
    const std::lock_guard lock{guard_};
    over_ = true;
  }
  end_.notify_one();
  thread_.join();
  unlink();
}

void watch::run() {
  const duration period =
      std::max<duration>(options_.limit / block_detector::looks_in_limit, shortest_period);
  std::unique_lock lock{guard_};
  while (!end_.wait_for(lock, period, [this] { return over_; })) {
    const auto suspected = look();
    if (!suspected) continue;
    lock.unlock();
    try {
      examine(*suspected);
    } catch (...) {
      // There is no memory for it, or `on_blocked` has thrown.
    }
    lock.lock();
  }
}

std::optional<watch::suspicion> watch::look() {
  const time_point now = clock::now();
  const loop_progress::sight sight = home_.progress().look();
  const bool moved = sight.moves != seen_.moves;
  const bool in_turn = home_.thread().is_in_turn();
  seen_ = sight;
  if (moved) loop_moved(now);
  switch (detector_.look(moved, in_turn, now)) {
    case block_detector::step::nothing: break;
    case block_detector::step::post_ping: post_ping(); break;
    case block_detector::step::examine: return suspicion{detector_.since(), in_turn, sight};
  }
  return std::nullopt;
}

void watch::post_ping() {
  try {
    home_.post([self = shared_from_this()] { self->ping_came(); });
  } catch (const std::bad_alloc&) {
    detector_.ping_is_over(clock::now());
  }
}

// Called on the loop's thread, by the io_context: whatever has held it up is over.
void watch::ping_came() {
  {
    const std::lock_guard lock{guard_};
    if (over_) return;
    detector_.ping_is_over(clock::now());
  }
  tell_blocks();
}

void watch::examine(const suspicion& s) {
  const auto found = judge(s, probe_.ask(home_));
  if (!found) return;
  if (options_.on_blocked) {
    options_.on_blocked(found->report());
  } else {
    print_blocked(found->report());
  }
}

// Within a turn, somebody blocks the loop for certain. Otherwise it may be that nobody runs it,
// which its thread knows. What that thread has answered counts if nothing has moved until then.
std::optional<watch::block> watch::judge(const suspicion& s, std::optional<loop_sight> answer) {
  block b{.since = s.since};
  const std::lock_guard lock{guard_};
  const time_point now = clock::now();
  const bool moved = home_.progress().look().moves != s.seen.moves || detector_.since() != s.since;
  if (answer && !moved) {
    if (!s.in_turn && !answer->runs_loop) return std::nullopt;
    b.process = answer->process;
    b.label = std::move(answer->label);
    b.stack = std::move(answer->stack);
  } else {
    if (!s.in_turn) return std::nullopt;
    if (s.seen.latest != nullptr && !s.seen.latest->is(0)) b.process = s.seen.latest->id();
  }
  b.time = now - b.since;
  untold_.push_back(b);
  blocked_ = !moved;
  return b;
}

void watch::loop_moved(time_point now) noexcept {
  if (!std::exchange(blocked_, false)) return;
  block& b = untold_.back();
  b.time = now - b.since;
}

void watch::tell_blocks() noexcept {
  std::vector<block> blocks;
  {
    const std::lock_guard lock{guard_};
    loop_moved(clock::now());
    blocks.swap(untold_);
  }
  for (const block& b : blocks) home_.tell(b.report());
}

}  // namespace detail

watchdog::watchdog(boost::asio::io_context& io, watchdog_options options) {
  if (options.limit <= options.limit.zero()) {
    throw std::invalid_argument{"coppice: the limit of a watchdog is above zero"};
  }
  watch_ =
      std::make_shared<detail::watch>(detail::scheduler::of(io, "watchdog"), std::move(options));
  watch_->start();
}

watchdog::~watchdog() { watch_->end(); }

}  // namespace coppice
