#include "simulation_core.hpp"

#include "replaced_functions/failing_allocation.hpp"
#include "replaced_functions/replaced_functions.hpp"

#include <coppice/dump.hpp>
#include <coppice/process.hpp>
#include <coppice/report_sink.hpp>
#include <coppice/report_text.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <utility>
#include <variant>

namespace coppice::detail {

namespace {

std::string to_text(duration d) {
  char text[48];
  std::snprintf(text, sizeof text, "%.6f s", std::chrono::duration<double>{d}.count());
  return text;
}

// Whether the process that runs on this thread has such a name.
bool is_running(const std::string& name) {
  scheduler* const s = scheduler::active();
  return s != nullptr && s->current() != nullptr && has_name(*s->current(), name);
}

}  // namespace

simulation_core::simulation_core(const seed_plan& p, const simulation_options& o, terms t)
    : plan_{p},
      options_{o},
      terms_{std::move(t)},
      trace_{terms_.keeps_trace, terms_.told_event},
      faults_{p.seed, terms_.faults},
      system_{p.seed, faults_, trace_},
      network_{system_, p.network, p.networks, is_running},
      process_faults_{p.seed, faults_, p.faults},
      draws_{p.seed, "test"} {
  link_time_functions();
  link_wait_functions();
  link_socket_functions();
  link_io_functions();
  link_thread_functions();
  link_lock_functions();
}

simulation_core::~simulation_core() = default;

std::string simulation_core::play(const std::function<void(simulation&)>& body) {
  const simulated_system::in_use here{system_};
  std::string failure;
  const bool drawn = plan_.order != simulated_order::first_come;
  if (!drawn) system_.keep_order();
  threads_.emplace(system_, plan_.threads);
  io_.emplace(1);
  listen_to_reports();
  system_.set_stuck([this] {
    stuck_ = true;
    io_->stop();
  });
  system_.set_limits(options_.time_limit, options_.steps_at_one_time);
  if (drawn || !process_faults_.empty()) {
    scheduler& s = scheduler::of(*io_);
    order_.emplace(s, system_, plan_.order, plan_.priority_changes, process_faults_,
                   [this] { return has_to_look(); });
    s.set_order(&*order_);
  }
  simulation s = access::make<simulation>(*this);
  try {
    body(s);
  } catch (const std::exception& e) {
    failure = e.what();
  } catch (...) {
    failure = "the body has thrown something that is no std::exception";
  }
  process_faults_.end_step();
  io_.reset();
  // Whoever has heard of such a failure has thrown something less clear.
  if (!threads_->failure().empty()) failure = threads_->failure();
  if (!failure.empty()) return failure;
  if (const std::string left = threads_->to_text(); !left.empty()) {
    return "threads are left when the io_context is gone" + left;
  }
  if (const std::size_t left = system_.open_files(); left > 0) {
    return std::to_string(left) + " sockets or other descriptors are still open when the "
           "io_context is gone";
  }
  return {};
}

void simulation_core::listen_to_reports() {
  set_report_sink(*io_, [this](const report& r) {
    const failing_allocation::suspended own_work;
    trace_.note("report", r.index());
    if (listener_) listener_(r);
    if (std::holds_alternative<child_starting>(r)) return;
    reports_.push_back(to_string(r));
    if (terms_.prints) {
      std::fprintf(stderr, "%s %s\n", to_text(elapsed()).c_str(), reports_.back().c_str());
    }
  });
}

// Processes refer to what the body has, which is gone when the exception leaves it: so they go
// first.
void simulation_core::end_processes() {
  faults_.end();
  process_faults_.end_step();  // which may have ended by an exception out of the io_context
  awaited_ = nullptr;
  invariants_.clear();
  stuck_ = false;
  const duration until = system_.now() + std::chrono::seconds{2};  // the last ones are abandoned
  const event_queue::key end = system_.at(until, [] {});
  for (const pid& p : processes(*io_)) kill(p);
  do {
    io_->restart();
    while (io_->poll() > 0) {
    }
  } while (!processes(*io_).empty() && system_.step(until));
  system_.forget(end);
}

void simulation_core::fail_with_processes(const std::string& why) {
  const std::string processes = dump(*io_);
  const std::string threads = threads_->to_text();
  end_processes();
  throw std::runtime_error{why + " (after " + to_text(elapsed()) + ")" + threads +
                           (processes.empty() ? "; no process is alive"
                                              : "; the processes:\n" + processes)};
}

bool simulation_core::has_to_look() noexcept {
  if (awaited_ == nullptr || runs_unwatched_) return false;
  try {
    return (*awaited_)() || std::any_of(invariants_.begin(), invariants_.end(),
                                        [](const auto& i) { return !i.second(); });
  } catch (...) {
    thrown_ = std::current_exception();
    return true;
  }
}

void simulation_core::check_limits() {
  for (const auto& [what, so] : invariants_) {
    if (!so()) fail_with_processes("it does not hold any more: " + what);
  }
  if (elapsed() > options_.time_limit) {
    fail_with_processes("the play lasts longer than its limit of " + to_text(options_.time_limit));
  }
  if (system_.steps_without_time() > options_.steps_at_one_time) {
    fail_with_processes("time does not pass, since something is always ready: " +
                        std::to_string(options_.steps_at_one_time) + " steps");
  }
}

// An exception out of the io_context, or out of a function of the test's, ends the processes, too.
void simulation_core::run_guarded(const std::function<void()>& f) {
  try {
    f();
  } catch (...) {
    end_processes();
    throw;
  }
}

bool simulation_core::loop(const std::function<bool()>& so, look at) {
  bool is = false;
  run_guarded([&] {
    while (!(is = so())) {
      if (io_->stopped()) io_->restart();
      runs_unwatched_ = at == look::at_stops && invariants_.empty();
      awaited_ = &so;
      const std::size_t done = runs_unwatched_ ? io_->run() : io_->run_one();
      awaited_ = nullptr;
      runs_unwatched_ = false;
      if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
      check_limits();
      if (stuck_) fail_with_processes("nothing can ever happen, and something is waited for");
      if (done == 0) {
        is = so();
        return;
      }
    }
  });
  return is;
}

// Rings at a time. The io_context gets a handler to run then, so that `run_one` returns; or it is
// stopped, so that `run` does.
class simulation_core::alarm {
 public:
  alarm(simulation_core& c, duration after, look at)
      : system_{c.system_}, event_{system_.at(system_.now() + after, [this, &c, at] {
          has_rung_ = true;
          if (at == look::each_step) {
            asio::post(*c.io_, [] {});
          } else {
            c.io_->stop();
          }
          system_.end_wait();
        })} {}
  alarm(const alarm&) = delete;
  alarm& operator=(const alarm&) = delete;
  ~alarm() { system_.forget(event_); }

  [[nodiscard]] bool has_rung() const noexcept { return has_rung_; }

 private:
  simulated_system& system_;
  bool has_rung_ = false;
  event_queue::key event_;
};

void simulation_core::pass(duration d) {
  const alarm over{*this, d, look::at_stops};
  const auto is_over = [&over] { return over.has_rung(); };
  if (loop(is_over, look::at_stops)) return io_->restart();
  run_guarded([&] {
    system_.pass_until(is_over);
    io_->restart();
    io_->poll();
  });
}

void simulation_core::run_until(const std::string& what, const std::function<bool()>& so,
                                duration limit) {
  const alarm over{*this, limit, look::each_step};
  const bool ended = loop([&] { return so() || over.has_rung(); }, look::each_step);
  if (so()) return;
  if (ended) fail_with_processes("within " + to_text(limit) + " it has not come about: " + what);
  fail_with_processes("nothing is left to do, and it has not come about: " + what);
}

}  // namespace coppice::detail
