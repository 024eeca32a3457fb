#pragma once

#include "chance/random_stream.hpp"
#include "gate.hpp"
#include "simulated_system/simulated_system.hpp"

#include <coppice/simulation_options.hpp>

#include <pthread.h>
#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coppice::detail {

class simulated_threads;

// A thread that one of a simulation's has created.
class simulated_thread {
 public:
  using routine = void* (*)(void*);

  simulated_thread(simulated_threads& a, std::uint64_t n, routine r, void* its) noexcept
      : all{a}, number{n}, begin{r}, argument{its} {}

  simulated_threads& all;
  const std::uint64_t number;
  const routine begin;
  void* const argument;
  // These are set once it has been created.
  pthread_t handle{};
  bool is_alive = false;
  pid_t id = 0;  // its number in the system; 0: it does not run yet, or any more
  gate may_run;
  // Tells whether it may go on; null while it runs, and when that is known.
  const std::function<bool()>* awaited = nullptr;
  bool is_ending = false;
  bool is_given_up = false;
};

// The threads of a simulation. They are real ones, but only one of them runs at any time, and the
// others wait until it lets them: so they take the same course each time, and need no locks for the
// simulated system.
//
// The thread that simulates, the first one, lets events happen while it waits. One of the other
// threads runs as such an event: from the moment at which what it has waited for is there, and a
// drawn time after it, until it waits for something again. All that the replaced functions of the C
// library wait for is waited for here, by its address.
class simulated_threads final : private other_threads {
 public:
  simulated_threads(simulated_system& s, const thread_conditions& c);
  simulated_threads(const simulated_threads&) = delete;
  simulated_threads& operator=(const simulated_threads&) = delete;
  // Threads that are left wait for ever.
  ~simulated_threads();

  // Gives the threads of the simulation of this thread, or null.
  static simulated_threads* current() noexcept;
  // The same, if there is more than one. Locks ask this each time.
  static simulated_threads* if_several() noexcept {
    return in_all_simulations.load(std::memory_order_relaxed) > 0 ? several_here() : nullptr;
  }

  // A thread is about to be created: to be run by `run` with that as its argument.
  simulated_thread& add(simulated_thread::routine begin, void* argument);
  static void* run(void* thread);
  // It could not be created, has been joined, or is given up: then it waits for ever.
  void forget(simulated_thread& t);
  // Null for a thread that is none of these.
  [[nodiscard]] simulated_thread* find(pthread_t handle) const noexcept;

  // Waits until it is woken. Returns false if that has not come about up to `limit`, or never will:
  // then that is a failure, once it has been told.
  bool wait_for(const void* what, const char* name, std::optional<duration> limit = {});
  // Wakes those that wait for it, up to so many; chance decides which. Gives how many.
  std::size_t wake(const void* what, std::size_t most = std::size_t(-1));
  // Lets a drawn time pass.
  void pause();
  // Does that by chance, where it makes a difference: before a lock is taken.
  void interrupt() {
    if (are_here() && draws_.chance(conditions_.interruption)) pause();
  }

  [[nodiscard]] bool have_been() const noexcept { return created_ > 0; }
  // Whether a thread with that id of the system's is one of these.
  [[nodiscard]] bool have(pid_t id) const noexcept;
  // The flags of std::call_once whose functions are being called.
  std::vector<const void*>& begun() noexcept { return begun_; }

  // Says what has failed; empty if nothing has.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  void fail(const std::string& why) {
    if (failure_.empty()) failure_ = why + to_text();
  }
  // Names the threads that have not ended, and what they wait for; empty if there are none.
  [[nodiscard]] std::string to_text() const;

 private:
  struct waiter {
    const void* what;
    const char* name;
    const simulated_thread* who;
    bool woken = false;
  };

  static simulated_threads* several_here() noexcept;
  [[nodiscard]] bool are_here() const noexcept override;
  bool pass_until(const std::function<bool()>& so, std::optional<duration> limit) override;
  void look() override;
  [[nodiscard]] duration draw_delay() {
    return draws_.between(conditions_.delay_min, conditions_.delay_max);
  }
  void park(simulated_thread& t, const std::function<bool()>& until);
  void resume(simulated_thread& t);
  static void end(void* thread);

  // How many threads there are besides those that simulate.
  static inline constinit std::atomic<std::size_t> in_all_simulations = 0;

  simulated_system& system_;
  const thread_conditions conditions_;
  random_stream draws_;
  const pid_t first_;
  gate first_may_run_;
  std::vector<std::unique_ptr<simulated_thread>> threads_;
  std::vector<waiter*> waiters_;
  std::vector<const void*> begun_;
  std::uint64_t created_ = 0;
  simulated_threads* const before_;
  std::string failure_;
};

}  // namespace coppice::detail
