// What does a round trip cost among 120 processes that all ask one another?
//
//   big.awaitable  each sends pings to others by chance, one at a time; while it waits for the
//                  answer, whose sender is checked, it answers the pings that it gets
//   big.task       the same with bodies that are a coppice::task
//
// A further process waits until all of them are done, and ends them. Bare: awaitables that hold a
// channel with room for all that can wait in it.

#include "boxes.hpp"

#include <random>

namespace bench {

namespace {

constexpr long usual_players = 120;
constexpr int trips = 120'000;  // by all of them together

struct letter {
  enum class kind { ping, pong, end };
  kind what = kind::end;
  int from = 0;
};

template <class Loop>
struct club {
  club(Loop& loop, int size)
      : players{size},
        pings{trips / size},
        done{loop.template make_box<int>(static_cast<std::size_t>(size))} {
    for (int i = 0; i < players; ++i) {
      boxes.push_back(loop.template make_box<letter>(static_cast<std::size_t>(players) + 1));
    }
    for (auto& b : boxes) addresses.push_back(loop.address_of(b));
    sink = loop.address_of(done);
  }

  void answer(const letter& ping, int by) {
    send(addresses[static_cast<std::size_t>(ping.from)], {letter::kind::pong, by});
    ++answered;
  }

  int players;
  int pings;  // of each
  std::vector<typename Loop::template box<letter>> boxes;
  std::vector<typename Loop::template address<letter>> addresses;
  typename Loop::template box<int> done;
  typename Loop::template address<int> sink{};
  long answered = 0;
  int ended = 0;
};

template <class Loop>
typename Loop::coroutine player(club<Loop>& c, int me) {
  auto& own = c.boxes[static_cast<std::size_t>(me)];
  std::minstd_rand random{static_cast<unsigned>(me) + 1};
  for (int i = 0; i < c.pings; ++i) {
    int other = static_cast<int>(random()) % (c.players - 1);
    if (other >= me) ++other;
    send(c.addresses[static_cast<std::size_t>(other)], {letter::kind::ping, me});
    letter got = co_await next(own);
    while (got.what == letter::kind::ping) {
      c.answer(got, me);
      got = co_await next(own);
    }
    expect(got.what == letter::kind::pong && got.from == other, "another one has answered");
  }
  send(c.sink, me);
  letter got = co_await next(own);
  while (got.what == letter::kind::ping) {
    c.answer(got, me);
    got = co_await next(own);
  }
  expect(got.what == letter::kind::end, "an answer without a question");
  ++c.ended;
}

template <class Loop>
typename Loop::coroutine end_all(club<Loop>& c) {
  std::vector<bool> done(c.addresses.size());
  for (int i = 0; i < c.players; ++i) {
    const int who = co_await next(c.done);
    expect(!done.at(static_cast<std::size_t>(who)), "one is done twice");
    done[static_cast<std::size_t>(who)] = true;
  }
  for (auto& a : c.addresses) send(a, {letter::kind::end, 0});
}

template <class Loop>
double big(long size) {
  expect(size > 1 && size <= trips, "each asks another one once, or more often");
  Loop loop;
  club<Loop> c{loop, static_cast<int>(size)};
  for (int i = 0; i < c.players; ++i) loop.start(player(c, i));
  loop.start(end_all(c));
  const auto begin = clock::now();
  loop.io.run();
  const double time = nanoseconds(clock::now() - begin);
  const long asked = long{c.players} * c.pings;
  expect(c.answered == asked, "a ping has no answer");
  expect(c.ended == c.players, "not all have ended");
  return time / static_cast<double>(asked);
}

}  // namespace

/// @param n How many ask one another; at least two.
void add_big(std::vector<family>& to, size n) {
  family f{.name = "big", .all = {}, .sized = true};
  add_kinds(f, "big", n.value_or(usual_players), big<awaitables>, big<tasks>, big<bare_loop>);
  to.push_back(std::move(f));
}

}  // namespace bench
