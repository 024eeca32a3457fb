// Hackbench, as bencherl has it, and bang, as in ../hackbench.cpp.

#include "world.hpp"

#include <array>
#include <cstdint>

namespace bench {

using number = std::uint64_t;

// It is sent within this program only.
struct words {
  std::array<number, 12> all;
};

}  // namespace bench

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::words)

namespace bench {

namespace {

using start = caf::atom_constant<caf::atom("start")>;
using finished = caf::atom_constant<caf::atom("finished")>;

constexpr long usual_groups = 10;
constexpr std::size_t members = 20;  // senders, and as many receivers
constexpr number messages = 200;
constexpr number at_a_time = 100;

struct group {
  std::vector<caf::actor> senders;
  std::vector<caf::actor> receivers;
};

class writer : public caf::event_based_actor {
 public:
  writer(caf::actor_config& c, const group& g, std::size_t me, caf::actor main)
      : caf::event_based_actor{c}, group_{g}, me_{me}, main_{std::move(main)} {}

  caf::behavior make_behavior() override {
    return {[this](start) { send_some(); },
            [this](number acknowledged) {
              ensure(acknowledged == sent_, "an acknowledgement of others");
              if (++acknowledgements_ < members) return;
              acknowledgements_ = 0;
              if (sent_ < messages) return send_some();
              send(main_, finished::value);
              quit();
            }};
  }

 private:
  void send_some() {
    do {
      ++sent_;
      const words message{{me_, sent_, 1, 2, 3, 4, 5, 6, 7, 8, 9, sent_}};
      for (const auto& r : group_.receivers) send(r, message);
    } while (sent_ % at_a_time != 0);
  }

  const group& group_;
  std::size_t me_;
  caf::actor main_;
  number sent_ = 0;
  std::size_t acknowledgements_ = 0;
};

class reader : public caf::event_based_actor {
 public:
  reader(caf::actor_config& c, const group& g, caf::actor main)
      : caf::event_based_actor{c}, group_{g}, main_{std::move(main)} {}

  caf::behavior make_behavior() override {
    return {[this](const words& message) {
      sum_ += message.all.back();
      const number n = message.all[1];
      if (n % at_a_time == 0) send(group_.senders[message.all[0]], n);
      if (++received_ < members * messages) return;
      ensure(sum_ == members * (messages * (messages + 1) / 2), "another sum");
      send(main_, finished::value);
      quit();
    }};
  }

 private:
  const group& group_;
  caf::actor main_;
  number sum_ = 0;
  number received_ = 0;
};

class ehb : public director {
 public:
  ehb(caf::actor_config& c, double& time, long groups)
      : director{c, time}, groups_(static_cast<std::size_t>(groups)) {}

  caf::behavior make_behavior() override {
    const caf::actor self{this};
    begin();
    for (auto& g : groups_) {
      for (std::size_t i = 0; i < members; ++i) {
        g.receivers.push_back(spawn<reader>(std::cref(g), self));
      }
      for (std::size_t i = 0; i < members; ++i) {
        g.senders.push_back(spawn<writer>(std::cref(g), i, self));
      }
      for (const auto& s : g.senders) send(s, start::value);
    }
    return {[this](finished) {
      if (++done_ == 2 * members * groups_.size()) end();
    }};
  }

 private:
  std::vector<group> groups_;
  std::size_t done_ = 0;
};

double ehb_of(long groups) {
  return nanoseconds_of<ehb>(groups) /
         (static_cast<double>(groups) * double{members * members * messages});
}

constexpr long bangers_to_a_group = 20;
constexpr int bangs = 1'000;

class banger : public caf::event_based_actor {
 public:
  banger(caf::actor_config& c, caf::actor at) : caf::event_based_actor{c}, at_{std::move(at)} {}

  caf::behavior make_behavior() override {
    for (int i = 1; i <= bangs; ++i) send(at_, i);
    return {};
  }

 private:
  caf::actor at_;
};

class bang : public director {
 public:
  bang(caf::actor_config& c, double& time, long bangers) : director{c, time}, bangers_{bangers} {}

  caf::behavior make_behavior() override {
    begin();
    for (long i = 0; i < bangers_; ++i) spawn<banger>(caf::actor{this});
    return {[this](int n) {
      sum_ += n;
      if (++received_ < bangers_ * bangs) return;
      end();
      ensure(sum_ == bangers_ * bangs * (bangs + 1) / 2, "another sum");
    }};
  }

 private:
  long bangers_;
  long sum_ = 0;
  long received_ = 0;
};

double bang_of(long bangers) {
  return nanoseconds_of<bang>(bangers) / static_cast<double>(bangers * bangs);
}

}  // namespace

void add_hackbench(std::vector<family>& to, size n) {
  const long groups = n.value_or(usual_groups);
  family f{.name = "hackbench", .all = {}, .sized = true};
  add_kinds(f, "hackbench.ehb", [=] { return ehb_of(groups); });
  add_kinds(f, "hackbench.bang", [=] { return bang_of(groups * bangers_to_a_group); });
  to.push_back(std::move(f));
}

}  // namespace bench
