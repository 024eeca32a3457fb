// What does it cost when 100,000 children crash at once, per child, until all run again?
//
//   mass.return  they return
//   mass.throw   they throw
//
// All wait in a timer each; the timers are cancelled in one go, which counts as part of the crash.
// Bare: a completion handler each that spawns the coroutine again.

#include "crashing.hpp"

#include <boost/asio/redirect_error.hpp>

namespace bench {

namespace {

constexpr std::size_t many = 100'000;

class crowd {
 public:
  explicit crowd(asio::io_context& io) : io_{io} { timers_.reserve(2 * many); }

  asio::awaitable<void> member(ending how) {
    asio::steady_timer t{co_await asio::this_coro::executor, std::chrono::hours{24}};
    timers_.push_back(&t);
    if (timers_.size() % many == 0) io_.stop();
    boost::system::error_code cancelled;
    co_await t.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (how == ending::throws) throw std::runtime_error{"crash"};
  }

  double crash_all() {
    io_.run();
    expect(timers_.size() == many, "not all of them run");
    const auto begin = clock::now();
    for (std::size_t i = 0; i < many; ++i) timers_[i]->cancel();
    io_.restart();
    io_.run();
    const double time = nanoseconds(clock::now() - begin);
    expect(timers_.size() == 2 * many, "not all of them run again");
    return time / static_cast<double>(many);
  }

 private:
  asio::io_context& io_;
  std::vector<asio::steady_timer*> timers_;  // in the order of starting
};

double coppice_mass(ending how) {
  asio::io_context io{1};
  count_reports(io);
  crowd c{io};
  std::vector<coppice::child_spec> children;
  children.reserve(many);
  for (std::size_t i = 0; i < many; ++i) {
    children.push_back(coppice::worker(std::to_string(i), [&c, how] { return c.member(how); }));
  }
  coppice::start_supervisor(io, supervisor_of(coppice::one_for_one, std::move(children)));
  return c.crash_all();
}

double bare_mass(ending how) {
  asio::io_context io;
  crowd c{io};
  for (std::size_t i = 0; i < many; ++i) start_again(io, [&c, how] { return c.member(how); });
  return c.crash_all();
}

}  // namespace

void add_mass_crash(std::vector<family>& to) {
  family f{.name = "mass", .all = {}};
  f.add("mass.return", "coppice", [] { return coppice_mass(ending::returns); });
  f.add("mass.return", "bare", [] { return bare_mass(ending::returns); });
  f.add("mass.throw", "coppice", [] { return coppice_mass(ending::throws); });
  f.add("mass.throw", "bare", [] { return bare_mass(ending::throws); });
  to.push_back(std::move(f));
}

}  // namespace bench
