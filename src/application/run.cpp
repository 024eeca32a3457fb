#include <coppice/run.hpp>

#include "service_notifier.hpp"
#include "supervisor/supervisor_process.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/dump.hpp>
#include <coppice/process.hpp>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>

namespace coppice {

namespace {

using boost::asio::steady_timer;
using boost::system::error_code;

// What goes on beside the tree of a program: signals, and what a service manager is told. Handlers
// share the ownership, since one that comes too late may still be in the io_context's queue when the
// tree has ended.
class attendant : public std::enable_shared_from_this<attendant> {
 public:
  attendant(boost::asio::io_context& io, pid root, const run_options& o)
      : io_{io},
        options_{o},
        root_{root},
        stops_{io, SIGINT, SIGTERM},
        dumps_{io},
        manager_{o.notify_service_manager},
        alive_timer_{io},
        progress_timer_{io} {}

  void begin() {
    await_stop();
    if (options_.dump_on_sigusr1) {
      dumps_.add(SIGUSR1);
      await_dump();
    }
  }

  // The root and its children are up.
  void ready() {
    const std::size_t n = processes(io_).size();
    manager_.tell("READY=1\nSTATUS=running, " + std::to_string(n) +
                  (n == 1 ? " process" : " processes"));
    if (const auto time = manager_.watchdog()) show_life(*time / 2);
  }

  // The tree has ended. The flag is needed besides: cancelling does not recall a completion that is
  // queued.
  void end() {
    over_ = true;
    stops_.cancel();
    dumps_.cancel();
    alive_timer_.cancel();
    progress_timer_.cancel();
  }
  [[nodiscard]] bool hurried() const noexcept { return hurried_; }

 private:
  // Turns the first signal into a stop of the tree, and a second one into a kill.
  void await_stop() {
    stops_.async_wait([this, self = shared_from_this()](const error_code& ec, int) {
      if (ec || over_) return;
      if (!std::exchange(stopping_, true)) {
        stop();
      } else {
        hurried_ = true;
        kill(root_);
      }
      await_stop();
    });
  }

  void stop() {
    detail::process* const p = detail::access::slot(root_);
    if (p == nullptr) return;
    detail::behaviour* const b = p->behaviour();
    if (b != nullptr && !options_.stop_within.is_infinity()) {
      b->limit_stop(detail::after(p->home.now(), options_.stop_within.time()));
    }
    p->home.stop(*p, exit_reason::shutdown());
    manager_.tell("STOPPING=1\nSTATUS=stopping");
    if (manager_.is_open()) tell_progress();
  }

  void await_dump() {
    dumps_.async_wait([this, self = shared_from_this()](const error_code& ec, int) {
      if (ec || over_) return;
      const std::string text = dump(io_);
      std::fwrite(text.data(), 1, text.size(), stderr);
      await_dump();
    });
  }

  void show_life(std::chrono::microseconds every) {
    manager_.tell("WATCHDOG=1");
    alive_timer_.expires_after(every);
    alive_timer_.async_wait([this, every, self = shared_from_this()](const error_code& ec) {
      if (!ec && !over_) show_life(every);
    });
  }

  // As long as something ends, the rest has the time that it needs.
  void tell_progress() {
    constexpr auto pace = std::chrono::seconds{1};
    const std::size_t left = processes(io_).size();
    if (left != left_) {
      left_ = left;
      manager_.tell("EXTEND_TIMEOUT_USEC=" + std::to_string(time_needed(pace).count()) +
                    "\nSTATUS=stopping, " + std::to_string(left) + " left");
    }
    progress_timer_.expires_after(pace);
    progress_timer_.async_wait([this, self = shared_from_this()](const error_code& ec) {
      if (!ec && !over_) tell_progress();
    });
  }

  [[nodiscard]] std::chrono::microseconds time_needed(std::chrono::seconds until_next) const {
    using std::chrono::microseconds;
    // The manager measures in unsigned numbers of 64 bits; a year is as good as for ever.
    constexpr microseconds longest = std::chrono::hours{24 * 365};
    detail::process* const p = detail::access::slot(root_);
    detail::supervisor_process* const s =
        p != nullptr ? detail::supervisor_process::of(*p) : nullptr;
    if (s == nullptr) return until_next;
    const auto needed = std::chrono::duration_cast<microseconds>(
        std::min<detail::duration>(s->time_to_stop(), options_.stop_within.time()));
    return std::min(longest, needed) + 2 * microseconds{until_next};
  }

  boost::asio::io_context& io_;
  const run_options options_;
  const pid root_;
  boost::asio::signal_set stops_;
  boost::asio::signal_set dumps_;
  detail::service_notifier manager_;
  steady_timer alive_timer_;
  steady_timer progress_timer_;
  std::size_t left_ = 0;
  bool stopping_ = false;
  bool hurried_ = false;
  bool over_ = false;
};

int code_for(const detail::supervisor_outcome& outcome, bool hurried,
             const std::optional<exit_reason>& end) {
  if (hurried) return exit_hurried;
  if (!outcome.finished) {
    // The root has not come to its own end: it was stopped or killed from outside, or before it had
    // run at all, or it could not start because its name was taken.
    if (!end || !end->is_abnormal()) return exit_stopped;
    return end->kind() == exit_reason::kind_type::killed ? exit_gave_up : exit_start_failed;
  }
  switch (outcome.cause) {
    case supervisor_end::cause::asked:
    case supervisor_end::cause::automatic: return exit_stopped;
    case supervisor_end::cause::start_failed: return exit_start_failed;
    case supervisor_end::cause::gave_up: break;
  }
  return exit_gave_up;
}

}  // namespace

int run(supervisor_spec spec, const run_options& options) {
  boost::asio::io_context io{1};
  return run(io, std::move(spec), options);
}

int run(boost::asio::io_context& io, supervisor_spec spec, const run_options& options) {
  try {
    check(spec);
    detail::check_whole_stop(options.stop_within);
  } catch (const std::invalid_argument& e) {
    // The text goes to stderr and is no report: reports tell what processes do, and a program may
    // drop them.
    const std::string line = e.what() + std::string{"\n"};
    std::fwrite(line.data(), 1, line.size(), stderr);
    return exit_bad_spec;
  }
  detail::scheduler& home = detail::scheduler::of(io, "run");
  const auto outcome = std::make_shared<detail::supervisor_outcome>();
  const detail::setup_ptr setup = detail::setup_of(std::move(spec));
  // An io_context that has run out of work is stopped, and runs nothing until it is restarted.
  if (io.stopped()) io.restart();
  const supervisor_ref root = detail::start_supervisor(io, setup, outcome);
  const auto beside = std::make_shared<attendant>(io, root.get_pid(), options);
  outcome->booted = [&home, setup, beside] {
    beside->ready();
    if (!home.listened_to()) return;
    home.tell(application_started{setup->name, self(), ::getpid()});
  };
  beside->begin();
  // The handler shares the variable: if the user stops the io_context, this function returns while
  // the root still runs.
  const auto end = std::make_shared<std::optional<exit_reason>>();
  await_exit(root.get_pid())([end, beside](boost::system::error_code, exit_reason reason) {
    *end = std::move(reason);
    beside->end();
  });
  // Other work of the user's io_context does not keep this function: it returns when the root ends.
  while (!*end && io.run_one() > 0) {
  }
  const int code = code_for(*outcome, beside->hurried(), *end);
  if (*end && home.listened_to()) {
    home.tell(application_stopped{setup->name, root.get_pid(), **end, code, outcome->killed});
  }
  return code;
}

}  // namespace coppice
