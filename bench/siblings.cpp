// Does a restart cost more the more siblings there are?
//
//   siblings.return.N  one child returns again and again, among N that wait in a timer
//   siblings.throw.N   ... throws again and again
//   siblings.exit.N    ... ends by co_await coppice::exit(reason) again and again; bare: throws
//
// N is 1, 1,000 and 100,000; the child stands in the middle of them. Bare: a hand-written restart
// loop beside as many waiting coroutines.

#include "crashing.hpp"

#include <boost/asio/post.hpp>

namespace bench {

namespace {

// Ends again and again, as soon as all the others wait.
asio::awaitable<void> crash_among(counter& starts, ending how, const std::size_t& running,
                                  std::size_t siblings) {
  while (running < siblings) co_await asio::post(asio::use_awaitable);
  if (starts.enough()) co_await wait_for_ever();
  if (how == ending::throws) throw std::runtime_error{"crash"};
  if (how == ending::exits) co_await coppice::exit(coppice::exit_reason::error("crash"));
}

asio::awaitable<void> sibling(std::size_t& running) {
  ++running;
  co_await wait_for_ever();
}

double coppice_among(ending how, std::size_t siblings, long restarts) {
  asio::io_context io{1};
  count_reports(io);
  counter starts{io, restarts};
  std::size_t running = 0;
  std::vector<coppice::child_spec> children;
  children.reserve(siblings + 1);
  for (std::size_t i = 0; i <= siblings; ++i) {
    if (i == siblings / 2) {
      children.push_back(coppice::worker(
          "crashing", [&, how] { return crash_among(starts, how, running, siblings); }));
    } else {
      children.push_back(
          coppice::worker(std::to_string(i), [&running] { return sibling(running); }));
    }
  }
  coppice::start_supervisor(io, supervisor_of(coppice::one_for_one, std::move(children)));
  io.run();
  expect(running == siblings, "a sibling did not run, or was restarted");
  return starts.each();
}

double bare_among(ending how, std::size_t siblings, long restarts) {
  asio::io_context io;
  counter starts{io, restarts};
  std::size_t running = 0;
  for (std::size_t i = 0; i < siblings; ++i) {
    asio::co_spawn(io, sibling(running), [](std::exception_ptr) {});
  }
  start_again(io, [&, how] { return crash_among(starts, how, running, siblings); });
  io.run();
  expect(running == siblings, "a sibling did not run");
  return starts.each();
}

}  // namespace

void add_siblings(std::vector<family>& to) {
  family f{.name = "siblings", .all = {}};
  const auto add = [&f](const std::string& name, ending how, ending bare, long restarts) {
    for (const std::size_t siblings : growing) {
      const std::string row = "siblings." + name + "." + std::to_string(siblings);
      f.add(row, "coppice", [=] { return coppice_among(how, siblings, restarts); });
      f.add(row, "bare", [=] { return bare_among(bare, siblings, restarts); });
    }
  };
  add("return", ending::returns, ending::returns, 50'000);
  add("throw", ending::throws, ending::throws, 10'000);
  add("exit", ending::exits, ending::throws, 20'000);
  to.push_back(std::move(f));
}

}  // namespace bench
