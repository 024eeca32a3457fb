// What does it cost to restart a child, from one start to the next?
//
//   restart.return  a permanent child that returns
//   restart.throw   ... that throws
//   restart.exit    ... that ends by co_await coppice::exit(reason); bare: it throws
//
// Supervised one_for_one, any number of restarts allowed. Bare: co_spawn with a completion handler
// that calls co_spawn again.

#include "crashing.hpp"

namespace bench {

namespace {

double coppice_restart(ending how, long restarts) {
  asio::io_context io{1};
  quiet(io);
  counter starts{io, restarts};
  std::vector<coppice::child_spec> children;
  children.push_back(coppice::worker("crashing", [&starts, how] { return crash(starts, how); }));
  coppice::start_supervisor(io, supervisor_of(coppice::one_for_one, std::move(children)));
  io.run();
  return starts.each();
}

void add(family& f, const char* row, ending how, ending bare, long restarts) {
  f.add(row, "coppice", [=] { return coppice_restart(how, restarts); });
  f.add(row, "bare", [=] { return bare_restart(bare, restarts); });
}

}  // namespace

void add_restart(std::vector<family>& to) {
  family f{.name = "restart", .all = {}};
  add(f, "restart.return", ending::returns, ending::returns, 50'000);
  add(f, "restart.throw", ending::throws, ending::throws, 10'000);
  add(f, "restart.exit", ending::exits, ending::throws, 20'000);
  to.push_back(std::move(f));
}

}  // namespace bench
