#pragma once

#include "../family.hpp"

#include <caf/all.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

namespace bench {

/// `expect` for within an actor, where an exception would end that actor only, and the others would
/// wait for ever.
inline void ensure(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "caf-bench: %s\n", what);
  std::_Exit(1);
}

/// An actor system with one worker thread. There is nobody to steal from, so it takes the queue
/// that workers share: Skynet, Big and hackbench are faster with that, and bang is a little slower.
struct one_worker : caf::actor_system_config {
  one_worker() {
    set("scheduler.max-threads", std::size_t{1});
    set("scheduler.policy", caf::atom("sharing"));
  }
};

/// The actor that starts a workload, gets its results, and takes the time between: so the time does
/// not include that the thread of the worker wakes up.
class director : public caf::event_based_actor {
 public:
  director(caf::actor_config& c, double& time) : caf::event_based_actor{c}, time_{time} {}

 protected:
  void begin() { begin_ = clock::now(); }
  void end() {
    time_ = nanoseconds(clock::now() - begin_);
    quit();
  }

 private:
  double& time_;
  clock::time_point begin_{};
};

/// Runs a workload in an actor system of its own until no actor is left.
///
/// @return The nanoseconds that its director took.
template <class Director, class... Arguments>
double nanoseconds_of(Arguments&&... arguments) {
  one_worker config;
  caf::actor_system system{config};
  double time = 0;
  system.spawn<Director>(time, arguments...);
  system.await_all_actors_done();
  expect(time > 0, "the workload has not ended");
  return time;
}

/// Both kinds of process are compared with the same run.
inline void add_kinds(family& to, const std::string& row, const std::function<double()>& measure) {
  const auto last = std::make_shared<double>();
  to.add(row + ".awaitable", "caf", [=] { return *last = measure(); });
  to.add(row + ".task", "caf", [=] { return *last; });
}

void add_skynet(std::vector<family>& to, size n);
void add_ring(std::vector<family>& to, size n);
void add_big(std::vector<family>& to, size n);
void add_hackbench(std::vector<family>& to, size n);
void add_sleepers(std::vector<family>& to, size n);

}  // namespace bench
