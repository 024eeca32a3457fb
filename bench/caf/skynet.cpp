// Skynet, as in ../skynet.cpp.

#include "world.hpp"

#include <cstdint>

namespace bench {

namespace {

using number = std::uint64_t;

constexpr long usual_leaves = 1'000'000;
constexpr number branches = 10;

/// Sends the sum of so many numbers from the first one on, and ends.
class adder : public caf::event_based_actor {
 public:
  adder(caf::actor_config& c, number first, number count, caf::actor parent)
      : caf::event_based_actor{c}, first_{first}, count_{count}, parent_{std::move(parent)} {}

  caf::behavior make_behavior() override {
    if (count_ == 1) {
      send(parent_, first_);
      return {};
    }
    const number each = count_ / branches;
    const caf::actor self{this};
    for (number i = 0; i < branches; ++i) spawn<adder>(first_ + i * each, each, self);
    return {[this](number n) {
      sum_ += n;
      if (++received_ < branches) return;
      send(parent_, sum_);
      quit();
    }};
  }

 private:
  number first_;
  number count_;
  caf::actor parent_;
  number sum_ = 0;
  number received_ = 0;
};

class skynet : public director {
 public:
  skynet(caf::actor_config& c, double& time, number leaves) : director{c, time}, leaves_{leaves} {}

  caf::behavior make_behavior() override {
    begin();
    spawn<adder>(number{0}, leaves_, caf::actor{this});
    return {[this](number sum) {
      end();
      ensure(sum == leaves_ * (leaves_ - 1) / 2, "another sum");
    }};
  }

 private:
  number leaves_;
};

}  // namespace

void add_skynet(std::vector<family>& to, size n) {
  family f{.name = "skynet", .all = {}, .sized = true};
  add_kinds(f, "skynet", [size = n.value_or(usual_leaves)] {
    power_of_ten(size);
    const auto leaves = static_cast<number>(size);
    const number actors = (leaves * branches - 1) / (branches - 1);
    return nanoseconds_of<skynet>(leaves) / static_cast<double>(actors);
  });
  to.push_back(std::move(f));
}

}  // namespace bench
