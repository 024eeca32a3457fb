// A token in a ring, as in ../ring.cpp.

#include "world.hpp"

namespace bench {

namespace {

using stop = caf::atom_constant<caf::atom("stop")>;
using last = caf::atom_constant<caf::atom("last")>;

constexpr long usual_members = 503;
constexpr int hops = 500'000;

/// Passes on how many hops are left, and says so if there are none.
class member : public caf::event_based_actor {
 public:
  member(caf::actor_config& c, int number, caf::actor after, caf::actor main)
      : caf::event_based_actor{c},
        number_{number},
        after_{std::move(after)},
        main_{std::move(main)} {}

  caf::behavior make_behavior() override {
    return {[this](int left) {
              if (left == 0) return send(main_, last::value, number_);
              send(after_, left - 1);
            },
            [this](const caf::actor& after) { after_ = after; },
            [this](stop) {
              send(after_, stop::value);
              quit();
            }};
  }

  // The last reference in a ring would keep the others.
  void on_exit() override {
    after_ = nullptr;
    main_ = nullptr;
  }

 private:
  int number_;
  caf::actor after_;
  caf::actor main_;
};

class ring : public director {
 public:
  ring(caf::actor_config& c, double& time, int members) : director{c, time}, members_{members} {}

  caf::behavior make_behavior() override {
    const caf::actor self{this};
    const auto first = spawn<member>(1, caf::actor{}, self);
    auto after = first;
    for (int i = members_; i > 1; --i) after = spawn<member>(i, after, self);
    send(first, after);
    begin();
    send(first, hops);
    return {[this, first](last, int number) {
      end();
      send(first, stop::value);
      ensure(number == hops % members_ + 1, "another actor has the token last");
    }};
  }

 private:
  int members_;
};

}  // namespace

void add_ring(std::vector<family>& to, size n) {
  family f{.name = "ring", .all = {}, .sized = true};
  add_kinds(f, "ring", [members = static_cast<int>(n.value_or(usual_members))] {
    return nanoseconds_of<ring>(members) / hops;
  });
  to.push_back(std::move(f));
}

}  // namespace bench
