#include "tree.hpp"

#include <stdexcept>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coppice::exit_reason;

// What a client does to other processes as such: it harms them, monitors them, and links itself.

namespace {

// Anybody who lives but the clients, the root, and the stash.
coppice::pid any_victim(random_tree& in) {
  std::vector<coppice::pid> victims;
  const coppice::pid root = coppice::process_ref{in.play.io(), "root"}.whereis();
  const coppice::pid stash = coppice::process_ref{in.play.io(), "kept"}.whereis();
  for (const coppice::pid& p : coppice::processes(in.play.io())) {
    const auto info = coppice::info(p);
    if (!info || p == root || p == stash || info->label == "client") continue;
    victims.push_back(p);
  }
  return in.any(victims).value_or(coppice::pid{});
}

// One monitor, one DOWN.
client_action watch(random_tree& in, coppice::pid whom) {
  if (in.play.chance(0.2)) co_await coppice::sleep_for(in.draw_time(500));
  const bool is_gone = !whom.alive();
  coppice::mailbox<coppice::down> box;
  const coppice::monitor_ref ref = coppice::monitor(whom, box);
  if (is_gone && box.size() == 0) {
    in.book.fault("a monitor does not tell of an end that has come");
    co_return;
  }
  auto receiving = box.receive();
  const auto [failed, news] = co_await std::move(receiving)(as_result);
  if (failed || news.process != whom || news.monitor != ref.id()) {
    in.book.fault("a monitor tells of another end");
  }
  if (whom.alive()) in.book.fault("a monitor tells of an end that has not come");
  auto waiting = box.receive(1s);
  const auto [broken, second] = co_await std::move(waiting)(as_result);
  if (second) in.book.fault("two DOWNs of one monitor");
}

// No monitor, no DOWN, even if it has come already.
client_action watch_for_a_while(random_tree& in, coppice::pid whom) {
  coppice::mailbox<coppice::down> box;
  coppice::monitor_ref ref = coppice::monitor(whom, box);
  co_await coppice::sleep_for(in.draw_time(1'000));
  coppice::demonitor(ref);
  if (box.size() > 0) in.book.fault("a DOWN is left after demonitor");
}

}  // namespace

client_action be_linked(random_tree& in) {
  coppice::mailbox<coppice::exit_signal> signals;
  coppice::trap_exit(signals);
  const bool crashes = in.play.chance(0.5);
  const auto time = in.draw_time(100);
  auto body = [crashes, time]() -> coppice::task<void> {
    co_await coppice::sleep_for(time);
    if (crashes) throw std::runtime_error{"linked"};
  };
  const coppice::pid other = coppice::spawn_link(body, "client");
  auto receiving = signals.receive(5s);
  const auto [failed, signal] = co_await std::move(receiving)(as_result);
  if (failed || !signal || signal->from != other || signal->reason.is_normal() == crashes) {
    in.book.fault("an exit signal of a link is missing or wrong");
  }
  if (signals.size() > 0) in.book.fault("two exit signals of one link");
  if (!other.alive()) {
    coppice::link(other);
    auto waiting = signals.receive(1s);
    const auto [broken, late] = co_await std::move(waiting)(as_result);
    if (!late || late->from != other) in.book.fault("a link to the dead gives no exit signal");
  }
  const coppice::pid stranger = coppice::spawn_link(body, "client");
  coppice::unlink(stranger);
  auto waiting = signals.receive(1s);
  const auto [over, unwanted] = co_await std::move(waiting)(as_result);
  if (unwanted) in.book.fault("an exit signal of a link that has been cut");
  coppice::untrap_exit();
}

client_action be_reminded(random_tree& in) {
  coppice::mailbox<int> box;
  const auto time = in.draw_time(100);
  const auto began = in.play.elapsed();
  coppice::send_after(box.get_address(), time, 1);
  auto cancelled = coppice::send_after(box.get_address(), time / 2, 2);
  if (!cancelled.cancel()) in.book.fault("a delayed message is not there to be cancelled");
  auto receiving = box.receive(1s);
  const auto [failed, message] = co_await std::move(receiving)(as_result);
  if (failed || message != 1 || in.play.elapsed() - began != time) {
    in.book.fault("a delayed message is not the one, or late");
  }
}

client_action harm_somebody(random_tree& in) {
  const coppice::pid whom = any_victim(in);
  if (!whom) co_return;
  switch (in.play.draw(5)) {
    case 0: coppice::kill(whom); break;
    case 1: coppice::exit(whom, exit_reason::shutdown()); break;
    case 2: coppice::exit(whom, exit_reason::error("harmed")); break;
    case 3: {
      auto body = [&in, whom] { return watch(in, whom); };
      coppice::spawn(body, "client");
      break;
    }
    default: {
      auto body = [&in, whom] { return watch_for_a_while(in, whom); };
      coppice::spawn(body, "client");
    }
  }
}
