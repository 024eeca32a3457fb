// Savina's Big, as in ../big.cpp.

#include "world.hpp"

#include <random>

namespace bench {

namespace {

using start = caf::atom_constant<caf::atom("start")>;
using ping = caf::atom_constant<caf::atom("ping")>;
using pong = caf::atom_constant<caf::atom("pong")>;
using finished = caf::atom_constant<caf::atom("finished")>;
using stop = caf::atom_constant<caf::atom("stop")>;

constexpr long usual_players = 120;
constexpr int trips = 120'000;  // by all of them together

struct club {
  std::vector<caf::actor> players;
  int pings;  // of each
  long answered = 0;
  int ended = 0;
};

class player : public caf::event_based_actor {
 public:
  player(caf::actor_config& c, club& all, int me, caf::actor sink)
      : caf::event_based_actor{c},
        club_{all},
        me_{me},
        sink_{std::move(sink)},
        random_{static_cast<unsigned>(me) + 1} {}

  caf::behavior make_behavior() override {
    return {[this](ping, int from) {
              ++club_.answered;
              send(club_.players[static_cast<std::size_t>(from)], pong::value, me_);
            },
            [this](pong, int from) {
              ensure(from == asked_, "another one has answered");
              ask();
            },
            [this](start) { ask(); },
            [this](stop) {
              ++club_.ended;
              quit();
            }};
  }

 private:
  void ask() {
    if (asks_++ == club_.pings) return send(sink_, finished::value, me_);
    asked_ = static_cast<int>(random_()) % (static_cast<int>(club_.players.size()) - 1);
    if (asked_ >= me_) ++asked_;
    send(club_.players[static_cast<std::size_t>(asked_)], ping::value, me_);
  }

  club& club_;
  int me_;
  caf::actor sink_;
  std::minstd_rand random_;
  int asks_ = 0;
  int asked_ = -1;
};

class big : public director {
 public:
  big(caf::actor_config& c, double& time, club& all, int players)
      : director{c, time}, club_{all}, done_(static_cast<std::size_t>(players)) {}

  caf::behavior make_behavior() override {
    const caf::actor self{this};
    for (std::size_t i = 0; i < done_.size(); ++i) {
      club_.players.push_back(spawn<player>(std::ref(club_), static_cast<int>(i), self));
    }
    begin();
    for (const auto& p : club_.players) send(p, start::value);
    return {[this](finished, int who) {
      ensure(!done_.at(static_cast<std::size_t>(who)), "one is done twice");
      done_[static_cast<std::size_t>(who)] = true;
      if (++dones_ < done_.size()) return;
      end();
      for (const auto& p : club_.players) send(p, stop::value);
    }};
  }

 private:
  club& club_;
  std::vector<bool> done_;
  std::size_t dones_ = 0;
};

double big_of(int players) {
  expect(players > 1 && players <= trips, "each asks another one once, or more often");
  club all{.players = {}, .pings = trips / players};
  const double time = nanoseconds_of<big>(std::ref(all), players);
  const long asked = long{players} * all.pings;
  expect(all.answered == asked, "a ping has no answer");
  expect(all.ended == players, "not all have ended");
  return time / static_cast<double>(asked);
}

}  // namespace

void add_big(std::vector<family>& to, size n) {
  family f{.name = "big", .all = {}, .sized = true};
  add_kinds(f, "big",
            [players = static_cast<int>(n.value_or(usual_players))] { return big_of(players); });
  to.push_back(std::move(f));
}

}  // namespace bench
