#include "attendant.hpp"

#include "supervisor/supervisor_process.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/overload/intake.hpp>
#include <coppice/detail/runtime/behaviour.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/dump.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/process.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace coppice::detail {

using boost::system::error_code;

namespace {

// Knows who attends to the program that runs on an io_context.
class attendants final : public boost::asio::execution_context::service {
 public:
  static boost::asio::execution_context::id id;

  explicit attendants(boost::asio::execution_context& context) : service{context} {}

  std::weak_ptr<attendant> current;

 private:
  void shutdown() noexcept override {}
};

boost::asio::execution_context::id attendants::id;

}  // namespace

void check_run_options(const run_options& o) {
  check_whole_stop(o.stop_within);
  if (o.settle < duration::zero()) {
    throw std::invalid_argument{
        "coppice: the time in which a program settles must not be negative"};
  }
  if (o.watchdog.time() <= duration::zero()) {
    throw std::invalid_argument{"coppice: the limit of a watchdog must be above zero"};
  }
}

attendant::attendant(boost::asio::io_context& io, pid root, const run_options& o)
    : io_{io},
      options_{o},
      root_{root},
      stops_{io, SIGINT, SIGTERM},
      dumps_{io},
      manager_{o.notify_service_manager},
      rest_timer_{io},
      alive_timer_{io},
      progress_timer_{io},
      settle_timer_{io} {}

std::shared_ptr<attendant> attendant::of(boost::asio::io_context& io) {
  return boost::asio::use_service<attendants>(io).current.lock();
}

void attendant::begin() {
  boost::asio::use_service<attendants>(io_).current = weak_from_this();
  await_stop();
  if (!options_.dump_on_sigusr1) return;
  dumps_.add(SIGUSR1);
  await_dump();
}

// What the manager starts next finds that the program has taken notice.
void attendant::ready() {
  if (options_.on_ready) options_.on_ready(true);
  const std::size_t n = processes(io_).size();
  tell("READY=1\nSTATUS=running, " + std::to_string(n) + (n == 1 ? " process" : " processes"));
  if (const auto time = manager_.watchdog()) show_life(*time / 2);
}

// The flag is needed besides: cancelling does not recall a completion that is queued.
void attendant::end() {
  over_ = true;
  boost::asio::use_service<attendants>(io_).current.reset();
  stops_.cancel();
  dumps_.cancel();
  rest_timer_.cancel();
  alive_timer_.cancel();
  progress_timer_.cancel();
  settle_timer_.cancel();
}

// Turns the first signal into a stop, and a second one into a kill. Without memory for what comes
// before it, the tree is stopped at once.
void attendant::await_stop() {
  stops_.async_wait([this, self = shared_from_this()](const error_code& ec, int) {
    if (ec || over_) return;
    try {
      if (!stopping_) {
        stop(exit_stopped);
      } else {
        hurried_ = true;
        kill(root_);
      }
      await_stop();
    } catch (const std::bad_alloc&) {
      stop_tree();
    }
  });
}

void attendant::stop(int exit_code) {
  if (over_ || std::exchange(stopping_, true)) return;
  exit_code_ = exit_code;
  try {
    begin_stop();
  } catch (const std::bad_alloc&) {
    stop_tree();
  }
}

void attendant::await_dump() {
  dumps_.async_wait([this, self = shared_from_this()](const error_code& ec, int) {
    if (ec || over_) return;
    const std::string text = dump(io_);
    std::fwrite(text.data(), 1, text.size(), stderr);
    await_dump();
  });
}

// A manager that does not hear that the program is up, or how long the stop takes, ends it.
void attendant::tell(std::string message) {
  untold_.push_back(std::move(message));
  if (untold_.size() == 1) tell_rest();
}

void attendant::tell_rest() {
  while (!untold_.empty() && manager_.tell(untold_.front())) untold_.pop_front();
  if (untold_.empty()) return;
  rest_timer_.expires_after(std::chrono::milliseconds{100});
  rest_timer_.async_wait([this, self = shared_from_this()](const error_code& ec) {
    if (!ec && !over_) tell_rest();
  });
}

void attendant::show_life(std::chrono::microseconds every) {
  manager_.tell("WATCHDOG=1");
  alive_timer_.expires_after(every);
  alive_timer_.async_wait([this, every, self = shared_from_this()](const error_code& ec) {
    if (!ec && !over_) show_life(every);
  });
}

process* attendant::root() const noexcept { return access::slot(root_); }

duration attendant::needed_to_stop() const {
  process* const p = root();
  supervisor_process* const s = p != nullptr ? supervisor_process::of(*p) : nullptr;
  return s != nullptr ? s->time_to_stop() : duration::zero();
}

// ---- The phases of the stop

void attendant::begin_stop() {
  process* const p = root();
  if (p == nullptr) return;
  if (options_.on_ready) options_.on_ready(false);
  const time_point now = p->home.now();
  stop_by_ = after(now, options_.stop_within.time());
  if (stop_by_ != end_of_time) {
    drain_by_ = stop_by_ - std::min(needed_to_stop(), stop_by_ - now);
  }
  tell("STOPPING=1\nSTATUS=stopping");
  if (manager_.is_open()) tell_progress();
  if (options_.settle == duration::zero()) return close_intakes();
  settle_timer_.expires_after(std::min(options_.settle, drain_by_ - now));
  settle_timer_.async_wait([this, self = shared_from_this()](const error_code& ec) {
    if (ec || over_) return;
    try {
      close_intakes();
    } catch (const std::bad_alloc&) {
      stop_tree();
    }
  });
}

void attendant::close_intakes() {
  process* const p = root();
  if (p == nullptr) return;
  scheduler& home = p->home;
  list_hook& all = intakes::of(io_);
  for (list_hook* i = all.first(); i != nullptr; i = all.after(i)) static_cast<intake*>(i)->close();
  const time_point now = home.now();
  ++draining_;  // this function itself, which waits for none
  for (list_hook* i = all.first(); i != nullptr; i = all.after(i)) {
    auto& one = static_cast<intake&>(*i);
    const time_point until = std::min(one.drained_by(), drain_by_);
    if (one.is_drained() || until <= now) continue;
    ++draining_;
    const time_limit limit = until != end_of_time ? time_limit{until - now} : infinity;
    deferred_wait<drained_wait>{{&home, drained_wait::place{&one}, limit}}(
        [this, self = shared_from_this()](const error_code&) { one_drained(); });
  }
  one_drained();
}

void attendant::one_drained() {
  if (--draining_ == 0 && !over_) stop_tree();
}

void attendant::stop_tree() {
  process* const p = root();
  if (p == nullptr) return;
  behaviour* const b = p->behaviour();
  try {
    if (b != nullptr && stop_by_ != end_of_time) b->limit_stop(stop_by_);
  } catch (const std::bad_alloc&) {
    // Each child has its own time then.
  }
  p->home.stop(*p, exit_reason::shutdown());
}

// As long as something ends, the rest has the time that it needs.
void attendant::tell_progress() {
  const std::size_t left = processes(io_).size();
  if (left != left_) {
    left_ = left;
    tell("EXTEND_TIMEOUT_USEC=" + std::to_string(time_to_tell().count()) + "\nSTATUS=stopping, " +
         std::to_string(left) + " left");
  }
  progress_timer_.expires_after(std::chrono::seconds{1});
  progress_timer_.async_wait([this, self = shared_from_this()](const error_code& ec) {
    if (!ec && !over_) tell_progress();
  });
}

// What is left needs that time at most: for the phase that it is in, and for the last one. The next
// message comes in a second, and may be late.
std::chrono::microseconds attendant::time_to_tell() const {
  using std::chrono::microseconds;
  constexpr microseconds longest = std::chrono::hours{24 * 365};  // as good as for ever
  process* const p = root();
  if (p == nullptr) return std::chrono::seconds{2};
  const time_point now = p->home.now();
  time_point until = after(now, needed_to_stop());
  if (draining_ > 0 || settle_timer_.expiry() > now) until = after(until, options_.settle);
  list_hook& all = intakes::of(io_);
  for (list_hook* i = all.first(); draining_ > 0 && i != nullptr; i = all.after(i)) {
    const time_point drained = static_cast<intake*>(i)->drained_by();
    until = std::max(until, drained != end_of_time ? after(drained, needed_to_stop()) : drained);
  }
  until = std::min(until, stop_by_);
  if (until == end_of_time) return longest;
  const auto needed = std::chrono::duration_cast<microseconds>(until - now);
  return std::min(longest, needed + microseconds{std::chrono::seconds{2}});
}

}  // namespace coppice::detail
