// What does it cost to restart a child, from one start to the next?
//
//   restart.return  a permanent child that returns
//   restart.throw   ... that throws
//   restart.exit    ... that ends by co_await coppice::exit(reason); bare: it throws
//   *.silent        the same without a sink, so that no reports are made
//   *.acknowledged  the same of a child that acknowledges its start
//   fresh.throw     the first 100 restarts only, of many supervisors one after another
//   fresh.exit      ... by co_await coppice::exit(reason)
//   fresh.*.task    the same of a child that is a coppice::task
//   endless.throw   100,000 restarts in a row, all of which count in the budget
//   endless.exit    ... by co_await coppice::exit(reason)
//
// Supervised one_for_one. The budget of restart.* is never spent and remembers little; that of the
// others is 1,000,000 restarts within a second, as for OTP. Bare: co_spawn with a completion
// handler that calls co_spawn again.

#include "crashing.hpp"

namespace bench {

namespace {

// Each time with a new supervisor, and a new io_context: that costs before the first restart.
template <class Restart>
double average(int supervisors, Restart restart) {
  double sum = 0;
  for (int i = 0; i < supervisors; ++i) sum += restart();
  return sum / supervisors;
}

}  // namespace

void add_restart(std::vector<family>& to) {
  family restart{.name = "restart", .all = {}};
  const auto add = [&restart](const char* row, ending how, ending bare, long restarts) {
    restart.add(row, "coppice", [=] { return coppice_restart(how, restarts); });
    restart.add(row, "bare", [=] { return bare_restart(bare, restarts); });
    const std::string twin = std::string{row} + ".silent";
    restart.add(twin, "coppice",
                [=] { return coppice_restart(how, restarts, unlimited, reports::off); });
    restart.add(twin, "bare", [=] { return bare_restart(bare, restarts); });
  };
  add("restart.return", ending::returns, ending::returns, 50'000);
  add("restart.throw", ending::throws, ending::throws, 10'000);
  add("restart.exit", ending::exits, ending::throws, 20'000);
  restart.add("restart.return.acknowledged", "coppice",
              [] { return acknowledged_restart(ending::returns, 50'000); });
  restart.add("restart.return.acknowledged", "bare",
              [] { return bare_restart(ending::returns, 50'000); });
  to.push_back(std::move(restart));

  family fresh{.name = "fresh", .all = {}};
  family endless{.name = "endless", .all = {}};
  for (const ending how : {ending::throws, ending::exits}) {
    const std::string row = how == ending::throws ? ".throw" : ".exit";
    constexpr int supervisors = 100;
    constexpr long first = 100;
    fresh.add("fresh" + row, "coppice", [how] {
      return average(supervisors, [how] { return coppice_restart(how, first, million_a_second); });
    });
    fresh.add("fresh" + row + ".task", "coppice", [how] {
      return average(supervisors,
                     [how] { return coppice_restart<crash_task>(how, first, million_a_second); });
    });
    for (const char* kind : {"", ".task"}) {
      fresh.add("fresh" + row + kind, "bare", [] {
        return average(supervisors, [] { return bare_restart(ending::throws, first); });
      });
    }
    constexpr long in_a_row = 100'000;
    endless.add("endless" + row, "coppice",
                [how] { return coppice_restart(how, in_a_row, million_a_second); });
    endless.add("endless" + row, "bare", [] { return bare_restart(ending::throws, in_a_row); });
  }
  to.push_back(std::move(fresh));
  to.push_back(std::move(endless));
}

}  // namespace bench
