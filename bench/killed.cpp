// What does it cost when N children are killed at once, per child, until all run again?
//
//   killed.one_for_one.N  children of a one_for_one supervisor
//   killed.dynamic.N      children of a dynamic supervisor
//
// N is 1,000, 10,000 and 100,000. They wait in a timer and are killed from outside, one after the
// other, in one go. The budget is 1,000,000 restarts within a second, as for OTP. Bare: a
// cancellation signal each, which is emitted, and a completion handler that spawns again.

#include "harness.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <algorithm>
#include <deque>
#include <exception>

namespace bench {

namespace {

constexpr std::size_t sizes[]{1'000, 10'000, 100'000};

// The victims, which count themselves.
class crowd {
 public:
  crowd(asio::io_context& io, std::size_t size) : io_{io}, size_{size} { pids.reserve(2 * size); }

  asio::awaitable<void> member() {
    pids.push_back(coppice::self());
    if (pids.size() % size_ == 0) io_.stop();
    co_await wait_for_ever();
  }

  template <class Kill>
  double each(Kill kill) {
    io_.run();
    expect(pids.size() == size_, "not all of them run");
    const auto begin = clock::now();
    for (std::size_t i = 0; i < size_; ++i) kill(i);
    io_.restart();
    io_.run();
    const double time = nanoseconds(clock::now() - begin);
    expect(pids.size() == 2 * size_, "not all of them run again");
    return time / static_cast<double>(size_);
  }

  std::vector<coppice::pid> pids;  // in the order of starting; empty ones on bare Asio

 private:
  asio::io_context& io_;
  std::size_t size_;
};

double kill_all(asio::io_context& io, crowd& c, std::size_t size) {
  const double cost = c.each([&c](std::size_t i) { coppice::kill(c.pids[i]); });
  expect(coppice::processes(io).size() == size + 1, "another number of processes");
  for (std::size_t i = 0; i < size; ++i) expect(!c.pids[i].alive(), "one was not killed");
  return cost;
}

double one_for_one(std::size_t size) {
  asio::io_context io{1};
  count_reports(io);
  crowd c{io, size};
  std::vector<coppice::child_spec> children;
  children.reserve(size);
  for (std::size_t i = 0; i < size; ++i) {
    children.push_back(coppice::worker(std::to_string(i), [&c] { return c.member(); }));
  }
  coppice::start_supervisor(
      io, supervisor_of(coppice::one_for_one, std::move(children), million_a_second));
  return kill_all(io, c, size);
}

double dynamic(std::size_t size) {
  asio::io_context io{1};
  count_reports(io);
  crowd c{io, size};
  const auto supervisor = coppice::start_supervisor(
      io, coppice::dynamic_supervisor_spec{.intensity = million_a_second.intensity,
                                           .period = million_a_second.period});
  const coppice::child_spec spec = coppice::worker("", [&c] { return c.member(); });
  for (std::size_t i = 0; i < size; ++i) supervisor.start_child(spec);
  return kill_all(io, c, size);
}

class bare_crowd {
 public:
  explicit bare_crowd(std::size_t size) : crowd_{io_, size}, signals_(size) {}

  double run() {
    for (auto& s : signals_) start(s);
    const double cost =
        crowd_.each([this](std::size_t i) { signals_[i].emit(asio::cancellation_type::terminal); });
    expect(ended_ == signals_.size(), "one was not cancelled");
    return cost;
  }

 private:
  void start(asio::cancellation_signal& s) {
    asio::co_spawn(io_, crowd_.member(),
                   asio::bind_cancellation_slot(s.slot(), [this, &s](std::exception_ptr) {
                     ++ended_;
                     start(s);
                   }));
  }

  asio::io_context io_;
  crowd crowd_;
  std::deque<asio::cancellation_signal> signals_;
  std::size_t ended_ = 0;
};

}  // namespace

void add_killed(std::vector<family>& to) {
  // A family for each size, since what large crowds leave of the heap is slow for small ones.
  const auto add = [&to](const char* name, std::size_t size, double (*ours)(std::size_t)) {
    // A small crowd is killed several times, for the clock's sake.
    const std::size_t times = std::max<std::size_t>(1, 20'000 / size);
    const auto average = [times, size](const auto& once) {
      double sum = 0;
      for (std::size_t i = 0; i < times; ++i) sum += once(size);
      return sum / static_cast<double>(times);
    };
    const std::string row = name + std::to_string(size);
    family f{.name = row, .all = {}};
    f.add(row, "coppice", [=] { return average(ours); });
    f.add(row, "bare", [=] { return average([](std::size_t n) { return bare_crowd{n}.run(); }); });
    to.push_back(std::move(f));
  };
  for (const std::size_t size : sizes) {
    add("killed.one_for_one.", size, one_for_one);
    add("killed.dynamic.", size, dynamic);
  }
}

}  // namespace bench
