// What does a hop of a token round a ring of 503 processes cost?
//
//   ring.awaitable  each passes the token on; the one that gets it last is checked
//   ring.task       the same with bodies that are a coppice::task
//
// Bare: awaitables that hold a channel with room for the token.

#include "boxes.hpp"

namespace bench {

namespace {

constexpr long usual_members = 503;
constexpr int hops = 500'000;

/// Passes on how many hops are left, and says so if there are none.
template <class Loop>
typename Loop::coroutine member(Loop& loop, typename Loop::template box<int>& own,
                                typename Loop::template address<int> after, int number, int& last) {
  for (;;) {
    const int left = co_await next(own);
    if (left == 0) {
      last = number;
      loop.io.stop();
      continue;
    }
    send(after, left - 1);
  }
}

template <class Loop>
double ring(long size) {
  const auto members = static_cast<std::size_t>(size);
  Loop loop;
  std::vector<typename Loop::template box<int>> boxes;
  boxes.reserve(members);
  for (std::size_t i = 0; i < members; ++i) boxes.push_back(loop.template make_box<int>(1));
  int last = 0;
  for (std::size_t i = 0; i < members; ++i) {
    loop.start(member(loop, boxes[i], loop.address_of(boxes[(i + 1) % members]),
                      static_cast<int>(i) + 1, last));
  }
  send(loop.address_of(boxes[0]), hops);
  const auto begin = clock::now();
  loop.io.run();
  const double time = nanoseconds(clock::now() - begin);
  expect(last == hops % size + 1, "another process has the token last");
  return time / hops;
}

}  // namespace

/// @param n How many processes there are in the ring.
void add_ring(std::vector<family>& to, size n) {
  family f{.name = "ring", .all = {}, .sized = true};
  add_kinds(f, "ring", n.value_or(usual_members), ring<awaitables>, ring<tasks>, ring<bare_loop>);
  to.push_back(std::move(f));
}

}  // namespace bench
