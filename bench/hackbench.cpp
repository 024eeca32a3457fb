// What does a message cost where many send to many, or many to one?
//
//   hackbench.ehb.awaitable   10 groups of 20 senders and 20 receivers; each sender sends 200
//                             messages of 12 words to each receiver of its group, and waits for
//                             an acknowledgement of all of them after each 100
//   hackbench.ehb.task        the same with bodies that are a coppice::task
//   hackbench.bang.awaitable  200 senders, 1,000 messages each, and one receiver
//   hackbench.bang.task       the same with tasks
//
// Bare: awaitables that hold a channel with room for all that can wait in it.

#include "boxes.hpp"

#include <array>
#include <cstdint>
#include <deque>

namespace bench {

namespace {

// The first word is the number of the sender, the second that of the message.
using words = std::array<std::uint64_t, 12>;

constexpr long usual_groups = 10;
constexpr std::size_t members = 20;  // senders, and as many receivers
constexpr std::uint64_t messages = 200;
constexpr std::uint64_t at_a_time = 100;

template <class Loop>
struct group {
  explicit group(Loop& loop) {
    for (std::size_t i = 0; i < members; ++i) {
      acknowledged.push_back(loop.template make_box<std::uint64_t>(members));
      received.push_back(loop.template make_box<words>(members * at_a_time));
    }
    for (auto& b : acknowledged) senders.push_back(loop.address_of(b));
    for (auto& b : received) receivers.push_back(loop.address_of(b));
  }

  std::vector<typename Loop::template box<std::uint64_t>> acknowledged;
  std::vector<typename Loop::template box<words>> received;
  std::vector<typename Loop::template address<std::uint64_t>> senders;
  std::vector<typename Loop::template address<words>> receivers;
  std::size_t done = 0;
};

template <class Loop>
typename Loop::coroutine sends(group<Loop>& g, std::size_t me) {
  for (std::uint64_t n = 1; n <= messages; ++n) {
    const words message{me, n, 1, 2, 3, 4, 5, 6, 7, 8, 9, n};
    for (auto& r : g.receivers) send(r, message);
    if (n % at_a_time != 0) continue;
    for (std::size_t i = 0; i < members; ++i) {
      const std::uint64_t acknowledged = co_await next(g.acknowledged[me]);
      expect(acknowledged == n, "an acknowledgement of others");
    }
  }
  ++g.done;
}

template <class Loop>
typename Loop::coroutine receives(group<Loop>& g, std::size_t me) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < members * messages; ++i) {
    const words message = co_await next(g.received[me]);
    sum += message.back();
    const std::uint64_t n = message[1];
    if (n % at_a_time == 0) send(g.senders[message[0]], n);
  }
  expect(sum == members * (messages * (messages + 1) / 2), "another sum");
  ++g.done;
}

template <class Loop>
double ehb(long groups) {
  Loop loop;
  std::deque<group<Loop>> all;
  const auto begin = clock::now();
  for (long i = 0; i < groups; ++i) {
    auto& g = all.emplace_back(loop);
    for (std::size_t j = 0; j < members; ++j) loop.start(receives(g, j));
    for (std::size_t j = 0; j < members; ++j) loop.start(sends(g, j));
  }
  loop.io.run();
  const double time = nanoseconds(clock::now() - begin);
  for (const auto& g : all) expect(g.done == 2 * members, "one is not done");
  return time / (static_cast<double>(groups) * double{members * members * messages});
}

constexpr long bangers_to_a_group = 20;
constexpr int bangs = 1'000;

template <class Loop>
typename Loop::coroutine bangs_at(typename Loop::template address<int> receiver) {
  for (int i = 1; i <= bangs; ++i) send(receiver, i);
  co_return;
}

template <class Loop>
typename Loop::coroutine is_banged(typename Loop::template box<int>& own, long wanted, long& sum) {
  for (long i = 0; i < wanted; ++i) sum += co_await next(own);
}

template <class Loop>
double bang(long bangers) {
  Loop loop;
  const long all = bangers * bangs;
  auto box = loop.template make_box<int>(static_cast<std::size_t>(all));
  long sum = 0;
  const auto begin = clock::now();
  loop.start(is_banged<Loop>(box, all, sum));
  for (long i = 0; i < bangers; ++i) loop.start(bangs_at<Loop>(loop.address_of(box)));
  loop.io.run();
  const double time = nanoseconds(clock::now() - begin);
  expect(sum == all * (bangs + 1) / 2, "another sum");
  return time / static_cast<double>(all);
}

}  // namespace

/// @param n How many groups there are, and a twentieth of those that send to one.
void add_hackbench(std::vector<family>& to, size n) {
  const long groups = n.value_or(usual_groups);
  family f{.name = "hackbench", .all = {}, .sized = true};
  add_kinds(f, "hackbench.ehb", groups, ehb<awaitables>, ehb<tasks>, ehb<bare_loop>);
  add_kinds(f, "hackbench.bang", groups * bangers_to_a_group, bang<awaitables>, bang<tasks>,
            bang<bare_loop>);
  to.push_back(std::move(f));
}

}  // namespace bench
