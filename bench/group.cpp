// What does it cost to restart a whole group, per member?
//
//   group.1000  one_for_all over 1,000 children that wait in a timer and are killed without being
//               asked; one of them returns as soon as all are up. Bare: a cancellation signal each,
//               emitted to all the others, who are waited for and then spawned again.

#include "harness.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <deque>
#include <exception>

namespace bench {

namespace {

constexpr std::size_t members = 1'000;
constexpr long rounds = 50;

struct tally {
  explicit tally(asio::io_context& io) : starts{io, rounds} {}

  counter starts;        // of the whole group
  std::size_t runs = 0;  // of its members

  [[nodiscard]] double each_member() const {
    expect(runs == members * (rounds + 1), "not every member ran in every round");
    return starts.each() / static_cast<double>(members);
  }
};

asio::awaitable<void> member(tally& t, bool last) {
  ++t.runs;
  if (last && !t.starts.enough()) {
    expect(t.runs % members == 0, "the last one started before the others ran");
    co_return;
  }
  co_await wait_for_ever();
}

double coppice_group() {
  asio::io_context io{1};
  count_reports(io);
  tally t{io};
  std::vector<coppice::child_spec> children;
  for (std::size_t i = 0; i < members; ++i) {
    const bool last = i == members - 1;
    children.push_back(coppice::worker(std::to_string(i), [&t, last] {
                         return member(t, last);
                       }).with_shutdown(coppice::brutal_kill));
  }
  coppice::start_supervisor(io, supervisor_of(coppice::one_for_all, std::move(children)));
  io.run();
  return t.each_member();
}

class bare_group {
 public:
  double run() {
    for (std::size_t i = 0; i < members; ++i) signals_.emplace_back();
    start();
    io_.run();
    return tally_.each_member();
  }

 private:
  void start() {
    alive_ = members;
    for (std::size_t i = 0; i < members; ++i) {
      const bool last = i == members - 1;
      asio::co_spawn(io_, member(tally_, last),
                     asio::bind_cancellation_slot(
                         signals_[i].slot(), [this, last](std::exception_ptr) { ended(last); }));
    }
  }

  void ended(bool last) {
    --alive_;
    if (last) {
      for (std::size_t i = 0; i + 1 < members; ++i) {
        signals_[i].emit(asio::cancellation_type::terminal);
      }
    }
    if (alive_ == 0) start();
  }

  std::deque<asio::cancellation_signal> signals_;  // outlive the coroutines that hold their slots
  asio::io_context io_;
  tally tally_{io_};
  std::size_t alive_ = 0;
};

}  // namespace

void add_group(std::vector<family>& to) {
  family f{.name = "group", .all = {}};
  f.add("group.1000", "coppice", coppice_group);
  f.add("group.1000", "bare", [] { return bare_group{}.run(); });
  to.push_back(std::move(f));
}

}  // namespace bench
