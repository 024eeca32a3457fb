#pragma once

#include "chance/event_queue.hpp"
#include "chance/fault_plan.hpp"
#include "chance/trace.hpp"
#include "descriptor.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

struct epoll_event;

namespace coppice::detail {

class epoll_set;
class network;

// The threads of a simulated system beside the one that simulates. They let nothing happen: while
// they wait, that one does.
class other_threads {
 public:
  // Whether the thread that asks is one of them.
  [[nodiscard]] virtual bool are_here() const noexcept = 0;
  // As simulated_system::pass_until, on one of them.
  virtual bool pass_until(const std::function<bool()>& so, std::optional<duration> limit) = 0;
  // Looks whether what one of them waits for has come about.
  virtual void look() = 0;

 protected:
  ~other_threads() = default;
};

// The operating system that a thread sees while it simulates: a time, and open files that are none
// of the real system's. Time passes when the thread waits, and at no other time: it jumps to
// what happens next.
//
// The files have numbers that the real system gives to nobody, so that a call with one of them
// which is not simulated fails.
class simulated_system {
 public:
  simulated_system(std::uint64_t seed, fault_plan& faults, trace& t);
  simulated_system(const simulated_system&) = delete;
  simulated_system& operator=(const simulated_system&) = delete;
  ~simulated_system();

  // The one of this thread, or null.
  static simulated_system* current() noexcept;
  // Gives the one before.
  static simulated_system* set_current(simulated_system* s) noexcept;

  // Makes a system that of this thread.
  class in_use {
   public:
    explicit in_use(simulated_system& s) noexcept : before_{set_current(&s)} {}
    in_use(const in_use&) = delete;
    in_use& operator=(const in_use&) = delete;
    ~in_use() { set_current(before_); }

   private:
    simulated_system* before_;
  };

  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] fault_plan& faults() noexcept { return faults_; }
  [[nodiscard]] trace& told() noexcept { return trace_; }
  // The network attaches itself.
  void attach(network& n) noexcept { network_ = &n; }
  [[nodiscard]] network& net() noexcept { return *network_; }
  // So do the other threads.
  void attach(other_threads& t) noexcept { threads_ = &t; }
  [[nodiscard]] random_stream& random_device() noexcept { return random_device_; }
  // Lets everything be ready in the order in which it gets ready.
  void keep_order() noexcept { drawn_ = false; }
  [[nodiscard]] bool is_order_drawn() const noexcept { return drawn_; }

  // Time, since the epoch of the steady clock. It is the same at the beginning of each simulation.
  static constexpr duration first = std::chrono::hours{1000};
  [[nodiscard]] duration now() const noexcept { return now_; }
  event_queue::key at(duration when, std::function<void()> what) {
    return events_.add(when < now_ ? now_ : when, std::move(what));
  }
  void forget(const event_queue::key& k) noexcept { events_.remove(k); }
  // Lets the time pass until that is so, while the thread does nothing else. Returns false if it
  // will never be, or not within the limits of the simulation.
  bool pass_until(const std::function<bool()>& so, std::optional<duration> limit = {});

  // Lets the next event happen, if there is one up to then. Time is that of the event, or else
  // `limit`.
  bool step(std::optional<duration> limit);

  // Files.
  static constexpr int first_number = 1 << 24;
  [[nodiscard]] static bool is_simulated(int number) noexcept { return number >= first_number; }
  // Gives the number, or an errno below 0.
  int open(std::shared_ptr<descriptor> d);
  [[nodiscard]] descriptor* find(int number) const noexcept;
  template <class Kind>
  [[nodiscard]] Kind* find_as(int number) const noexcept {
    descriptor* const found = find(number);
    if constexpr (std::is_same_v<Kind, descriptor>) {
      return found;
    } else {
      static_assert(std::is_final_v<Kind>);
      return found != nullptr && typeid(*found) == typeid(Kind) ? static_cast<Kind*>(found)
                                                                : nullptr;
    }
  }
  int close(int number);
  [[nodiscard]] std::size_t open_files() const noexcept { return open_files_; }
  // Refuses with EMFILE to open more than that.
  void limit_files(std::size_t most) noexcept { most_files_ = most; }

  // As epoll_wait; the timeout is in milliseconds, and -1 is none.
  int wait(epoll_set& set, epoll_event* into, int most, int timeout);
  // Lets `wait` return, for what an event has given the thread to do.
  void end_wait() noexcept { wait_over_ = true; }
  // Called when a thread waits, and nothing will ever happen. If that changes nothing, the wait
  // throws.
  void set_stuck(std::function<void()> what) { stuck_ = std::move(what); }
  // The same is called, once, in a wait after so much time: Asio waits for a timer that is far away
  // in many waits of minutes, and calls no handler in between. So it is after so many steps without
  // time.
  void set_limits(duration most, std::uint64_t most_idle) noexcept {
    time_limit_ = most;
    most_idle_ = most_idle;
  }
  [[nodiscard]] bool is_beyond_limits() const noexcept {
    return now_ - first > time_limit_ || idle_steps_ > most_idle_;
  }
  // The number of waits in a row, and of what threads have done meanwhile, during which no time has
  // passed.
  [[nodiscard]] std::uint64_t steps_without_time() const noexcept { return idle_steps_; }
  void count_step() noexcept { ++idle_steps_; }

 private:
  void let_due_happen();
  [[nodiscard]] bool are_others_here() const noexcept {
    return threads_ != nullptr && threads_->are_here();
  }

  std::uint64_t seed_;
  fault_plan& faults_;
  trace& trace_;
  event_queue events_;
  random_stream random_device_;
  duration now_ = first;
  bool drawn_ = true;
  std::vector<std::shared_ptr<descriptor>> files_;  // by their numbers, from `first_number` on
  std::size_t lowest_free_ = 0;
  std::size_t open_files_ = 0;
  std::size_t most_files_ = 1 << 20;
  network* network_ = nullptr;
  other_threads* threads_ = nullptr;
  std::function<void()> stuck_;
  bool told_stuck_ = false;
  bool told_late_ = false;
  duration time_limit_ = duration::max();
  std::uint64_t most_idle_ = std::uint64_t(-1);
  bool wait_over_ = false;
  std::uint64_t idle_steps_ = 0;
};

}  // namespace coppice::detail
