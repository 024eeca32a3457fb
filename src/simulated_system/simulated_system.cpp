#include "simulated_system.hpp"

#include "epoll_set.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace coppice::detail {

namespace {

constinit thread_local simulated_system* of_this_thread = nullptr;

}  // namespace

simulated_system::simulated_system(std::uint64_t seed, fault_plan& faults, trace& t)
    : seed_{seed},
      faults_{faults},
      trace_{t},
      events_{seed},
      random_device_{seed, "random_device"} {}

simulated_system::~simulated_system() = default;

simulated_system* simulated_system::current() noexcept { return of_this_thread; }

simulated_system* simulated_system::set_current(simulated_system* s) noexcept {
  return std::exchange(of_this_thread, s);
}

int simulated_system::open(std::shared_ptr<descriptor> d) {
  if (open_files_ >= most_files_) return -EMFILE;
  // The lowest that is free, as everywhere.
  while (lowest_free_ < files_.size() && files_[lowest_free_] != nullptr) ++lowest_free_;
  if (lowest_free_ == files_.size()) files_.emplace_back();
  files_[lowest_free_] = std::move(d);
  ++open_files_;
  return first_number + static_cast<int>(lowest_free_);
}

descriptor* simulated_system::find(int number) const noexcept {
  if (!is_simulated(number)) return nullptr;
  const auto at = static_cast<std::size_t>(number - first_number);
  return at < files_.size() ? files_[at].get() : nullptr;
}

int simulated_system::close(int number) {
  if (find(number) == nullptr) return -EBADF;
  const auto at = static_cast<std::size_t>(number - first_number);
  const std::shared_ptr<descriptor> file = std::exchange(files_[at], nullptr);
  lowest_free_ = std::min(lowest_free_, at);
  --open_files_;
  if (file.use_count() == 1) {
    epoll_set::forget(*file);
    file->closed();
  }
  return 0;
}

void simulated_system::let_due_happen() {
  if (threads_ != nullptr) threads_->look();
  while (events_.next() && *events_.next() <= now_ && !is_beyond_limits()) events_.pop()();
}

bool simulated_system::step(std::optional<duration> limit) {
  if (threads_ != nullptr) threads_->look();
  const std::optional<duration> next = events_.next();
  if (!next || (limit && *next > *limit)) {
    if (!limit) return false;
    if (*limit > now_) idle_steps_ = 0;
    now_ = std::max(now_, *limit);
    return false;
  }
  if (*next > now_) {
    now_ = *next;
    idle_steps_ = 0;
    trace_.note("time", static_cast<std::uint64_t>(now_.count()));
  }
  events_.pop()();
  return true;
}

bool simulated_system::pass_until(const std::function<bool()>& so, std::optional<duration> limit) {
  if (are_others_here()) return threads_->pass_until(so, limit);
  let_due_happen();
  while (!so()) {
    if (!step(limit) || (!limit && is_beyond_limits())) return so();
  }
  return true;
}

int simulated_system::wait(epoll_set& set, epoll_event* into, int most, int timeout) {
  const std::span<epoll_event> room{into, static_cast<std::size_t>(most)};
  std::optional<duration> limit;
  if (timeout >= 0) limit = now_ + std::chrono::milliseconds{timeout};
  if (are_others_here()) {
    if (timeout != 0) threads_->pass_until([&set] { return set.has_ready(); }, limit);
    return set.take_ready(room);
  }
  ++idle_steps_;
  let_due_happen();
  for (;;) {
    if (is_beyond_limits() && stuck_ && !std::exchange(told_late_, true)) {
      stuck_();
      return 0;
    }
    const int ready = set.take_ready(room);
    if (ready > 0 || timeout == 0 || std::exchange(wait_over_, false)) {
      trace_.note("ready", static_cast<std::uint64_t>(ready));
      if (ready > 0) told_stuck_ = false;
      return ready;
    }
    if (step(limit)) continue;
    if (limit) return set.take_ready(room);
    if (std::exchange(told_stuck_, true) || !stuck_) {
      throw std::runtime_error{
          "coppice: a simulated thread waits for what can never happen: nothing is ready, no timer "
          "is set, and nothing is under way"};
    }
    stuck_();
    return set.take_ready(room);
  }
}

}  // namespace coppice::detail
