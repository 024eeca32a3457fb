// What does a message cost, and a turn?
//
//   message.round_trip  from one process to another and back; two mailboxes, two channels
//   message.one_way     sent 100 at a time, then one message back to say that they have arrived
//   message.yield       let others have a turn: coppice::sleep_for(0) and asio::post
//
// Bare: asio::experimental::channel with room enough, and try_send, which like coppice's send does
// not wait.

#include "ping_pong.hpp"
#include "turns.hpp"

namespace bench {

namespace {

constexpr int trips = 50'000;
constexpr int bursts = 2'000;

// As bare_world.
struct coppice_world {
  asio::io_context io{1};
  coppice::mailbox<int> here, there;
  coppice::address<int> to_here = here.get_address(), to_there = there.get_address();

  coppice_world() { count_reports(io); }
  void start(asio::awaitable<void> body) { coppice::spawn(io, std::move(body)); }
};

template <class World>
double round_trip() {
  World w;
  counter count{w.io, trips};
  w.start(answer(w.there, w.to_here));
  w.start(round_trips(w.here, w.to_there, count));
  w.io.run();
  return count.each();
}

template <class World>
double one_way() {
  World w;
  counter count{w.io, bursts};
  w.start(take_bursts(w.there, w.to_here));
  w.start(send_bursts(w.here, w.to_there, count));
  w.io.run();
  return count.each() / burst;
}

}  // namespace

void add_message(std::vector<family>& to) {
  family f{.name = "message", .all = {}};
  f.add("message.round_trip", "coppice", round_trip<coppice_world>);
  f.add("message.round_trip", "bare", round_trip<bare_world>);
  f.add("message.one_way", "coppice", one_way<coppice_world>);
  f.add("message.one_way", "bare", one_way<bare_world>);
  f.add("message.yield", "coppice", coppice_yield<asio::awaitable<void>>);
  f.add("message.yield", "bare", bare_yield);
  to.push_back(std::move(f));
}

}  // namespace bench
