// Sleepers, as in ../sleepers.cpp; each sends itself a message that is delayed.

#include "../new_process.hpp"
#include "world.hpp"

namespace bench {

namespace {

using wake = caf::atom_constant<caf::atom("wake")>;

constexpr long usual_sleepers = 1'000'000;

struct census {
  long all;
  // Those that wake before all of them are asleep sleep again. A million sleep for 3 s.
  std::chrono::microseconds nap{3 * all};
  long asleep = 0;
  long ended = 0;
};

class sleeper : public caf::event_based_actor {
 public:
  sleeper(caf::actor_config& c, census& all) : caf::event_based_actor{c}, census_{all} {}

  caf::behavior make_behavior() override {
    ++census_.asleep;
    sleep();
    return {[this](wake) {
      if (census_.asleep < census_.all) return sleep();
      ++census_.ended;
      quit();
    }};
  }

 private:
  void sleep() { delayed_send(this, census_.nap, wake::value); }

  census& census_;
};

class sleepers : public director {
 public:
  sleepers(caf::actor_config& c, double& time, census& all) : director{c, time}, census_{all} {}

  caf::behavior make_behavior() override {
    begin();
    for (long i = 0; i < census_.all; ++i) spawn<sleeper>(std::ref(census_));
    end();
    return {};
  }

 private:
  census& census_;
};

usage used_by_each_of(long n) {
  const usage before = used();
  census c{.all = n};
  nanoseconds_of<sleepers>(std::ref(c));
  expect(c.ended == n, "not all have slept and ended");
  return each_since(before, n);
}

}  // namespace

void add_sleepers(std::vector<family>& to, size n) {
  const long all = n.value_or(usual_sleepers);
  family f{.name = "sleepers", .all = {}, .sized = true};
  // The latest turn measures two rows in one go.
  const auto latest = std::make_shared<usage>();
  add_kinds(f, "sleepers.memory", [=] {
    *latest = in_new_process([all] { return used_by_each_of(all); });
    return latest->memory;
  });
  add_kinds(f, "sleepers.time", [=] { return latest->time; });
  to.push_back(std::move(f));
}

}  // namespace bench
