// What do 1,111,111 processes cost, each, that start one another and add up what they are told?
//
//   skynet.awaitable  one starts ten, each of these ten more, and so on; each of the 1,000,000 in
//                     the last generation sends its number to the one that started it, and the
//                     others send the sum of what they receive
//   skynet.task       the same with bodies that are a coppice::task
//
// Bare: awaitables that hold a channel with room for ten messages.

#include "boxes.hpp"

#include <cstdint>

namespace bench {

namespace {

using number = std::uint64_t;

constexpr long usual_leaves = 1'000'000;
constexpr number branches = 10;

/// Sends the sum of so many numbers from the first one on.
template <class Loop>
typename Loop::coroutine node(Loop& loop, number first, number count,
                              typename Loop::template address<number> parent) {
  if (count == 1) {
    send(parent, first);
    co_return;
  }
  auto box = loop.template make_box<number>(branches);
  const number each = count / branches;
  for (number i = 0; i < branches; ++i) {
    loop.start(node(loop, first + i * each, each, loop.address_of(box)));
  }
  number sum = 0;
  for (number i = 0; i < branches; ++i) sum += co_await next(box);
  send(parent, sum);
}

template <class Loop>
typename Loop::coroutine take(typename Loop::template box<number>& from, number& result) {
  result = co_await next(from);
}

template <class Loop>
double skynet(long size) {
  power_of_ten(size);
  const auto leaves = static_cast<number>(size);
  const number processes = (leaves * branches - 1) / (branches - 1);
  Loop loop;
  auto box = loop.template make_box<number>(1);
  number result = 0;
  const auto begin = clock::now();
  loop.start(node(loop, 0, leaves, loop.address_of(box)));
  loop.start(take<Loop>(box, result));
  loop.io.run();
  const double time = nanoseconds(clock::now() - begin);
  expect(result == leaves * (leaves - 1) / 2, "another sum");
  return time / static_cast<double>(processes);
}

}  // namespace

/// @param n How many leaves; a power of ten.
void add_skynet(std::vector<family>& to, size n) {
  family f{.name = "skynet", .all = {}, .sized = true};
  add_kinds(f, "skynet", n.value_or(usual_leaves), skynet<awaitables>, skynet<tasks>,
            skynet<bare_loop>);
  to.push_back(std::move(f));
}

}  // namespace bench
