#include "tree.hpp"

#include <coppice/acceptor.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using asio::ip::tcp;
using coppice::exit_reason;

namespace {

// A worker does this in each of its lives.
enum class manner { steady, returns, throws, exits, kills_itself, computes_in_tasks };

// Waits, in one of the ways there are.
template <class Coroutine>
Coroutine wait_somehow(random_tree& in) {
  const std::chrono::milliseconds time = in.quiet ? 60s : in.draw_time(300);
  switch (in.play.draw(in.quiet ? 4 : 5)) {
    case 0: {
      asio::steady_timer timer{co_await asio::this_coro::executor, time};
      co_await timer.async_wait(asio::deferred);
      break;
    }
    case 1: {
      coppice::mailbox<int> box;
      auto receiving = box.receive(time);
      co_await std::move(receiving);
      break;
    }
    case 2: {
      const auto began = in.play.elapsed();
      auto waiting = coppice::with_deadline(coppice::sleep_for(10 * time), time);
      const auto [late] = co_await std::move(waiting)(asio::as_tuple(asio::deferred));
      if (!late && in.play.elapsed() - began < 10 * time) {
        in.book.fault("a deadline has not come");
      }
      if (late == asio::error::operation_aborted) throw boost::system::system_error{late};
      break;
    }
    case 3: co_await coppice::sleep_for(time); break;
    default: {
      auto holding = hold_a_permit(in);
      co_await std::move(holding);
    }
  }
}

template <class Coroutine>
Coroutine work(random_tree& in, std::string role, manner how) {
  const ledger::life life{in.book, role};
  if (!in.keys.register_self(role).done || in.keys.whereis(role) != coppice::self()) {
    in.book.fault("a key has another holder: " + role);
  }
  in.groups.register_self("workers");
  for (;;) {
    for (std::uint64_t turns = 1 + in.play.draw(8); turns > 0; --turns) {
      auto waiting = wait_somehow<coppice::task<void>>(in);
      co_await std::move(waiting);
    }
    coppice::checkpoint();
    if (in.quiet) continue;
    switch (how) {
      case manner::steady: break;
      case manner::returns: co_return;
      case manner::throws: throw std::runtime_error{"by itself"};
      case manner::exits: {
        auto leaving = coppice::exit(in.play.chance(0.5) ? exit_reason::shutdown()
                                                         : exit_reason::error("exits"));
        co_await std::move(leaving);
        break;
      }
      case manner::kills_itself: {
        coppice::kill(coppice::self());
        auto waiting = coppice::sleep_for(1s);
        co_await std::move(waiting);
        in.book.fault("goes on after its own kill: " + role);
        break;
      }
      case manner::computes_in_tasks: {
        auto job = [&in]() -> coppice::task<int> {
          auto waiting = wait_somehow<coppice::task<void>>(in);
          co_await std::move(waiting);
          if (!in.quiet && in.play.chance(0.2)) throw std::runtime_error{"the task"};
          co_return 1;
        };
        auto made = coppice::async(job);  // linked: its crash is ours
        const int result = co_await made.await();
        if (result != 1) in.book.fault("a task has another result");
        break;
      }
    }
  }
}

// A child that fails to start now and then.
template <class Coroutine>
Coroutine work_after_start(random_tree& in, std::string role, coppice::init_ack up) {
  const ledger::life life{in.book, role};
  if (in.up && !in.quiet && in.play.chance(0.1)) throw std::runtime_error{"does not start"};
  auto waiting = coppice::sleep_for(in.draw_time(50));
  co_await std::move(waiting);
  up.ready();
  for (;;) {
    auto next = wait_somehow<coppice::task<void>>(in);
    co_await std::move(next);
    if (!in.quiet && in.play.chance(0.1)) throw std::runtime_error{"after its start"};
  }
}

// A child from a template: it returns after a while, or throws.
coppice::task<void> work_for(random_tree& in, std::chrono::milliseconds time) {
  co_await coppice::sleep_for(time);
  if (!in.quiet && in.play.chance(0.3)) throw std::runtime_error{"template"};
}

// Has that name, and has it not, as it comes.
coppice::task<void> keep_gate(random_tree& in, std::string name) {
  for (bool is_open = false;;) {
    const bool opens = in.quiet || in.play.chance(0.5);
    if (opens && !is_open) coppice::register_name(name);
    if (!opens && is_open) coppice::unregister_name();
    is_open = opens;
    co_await coppice::sleep_for(in.quiet ? 60s : in.draw_time(1'000));
  }
}

asio::awaitable<void> echo(tcp::socket s) {
  char room[256];
  for (;;) {
    const auto [ended, n] =
        co_await s.async_read_some(asio::buffer(room), asio::as_tuple(asio::use_awaitable));
    if (ended) co_return;
    const auto [lost, sent] =
        co_await asio::async_write(s, asio::buffer(room, n), asio::as_tuple(asio::use_awaitable));
    if (lost) co_return;
  }
}

}  // namespace

coppice::task<void> hold_a_permit(random_tree& in) {
  auto acquiring = in.permits.acquire();
  const coppice::permit held = co_await std::move(acquiring);
  struct holder {
    explicit holder(random_tree& t) : tree{t} {
      if (++tree.permits_held > 1) tree.book.fault("a permit is held twice");
    }
    holder(const holder&) = delete;
    holder& operator=(const holder&) = delete;
    ~holder() { --tree.permits_held; }
    random_tree& tree;
  };
  const holder counted{in};
  auto waiting = coppice::sleep_for(in.draw_time(50));
  co_await std::move(waiting);
}

asio::awaitable<int> counter::handle(add_and_save) {
  ++count_;
  auto saving = coppice::this_server::save(*this);
  co_await std::move(saving);
  co_return count_;
}

coppice::task<int> counter::handle(add_slowly m) {
  auto waiting = coppice::sleep_for(m.time);
  co_await std::move(waiting);
  co_return ++count_;
}

void counter::handle(poke) {
  for (auto& to : waiting_) std::move(to)(++count_);
  waiting_.clear();
  if (in_.play.chance(0.05)) coppice::this_server::idle_after(1s);
}

coppice::supervisor_spec random_tree::draw() {
  coppice::supervisor_spec root{.name = "root",
                                .strategy = coppice::one_for_one,
                                .intensity = 1'000'000,
                                .children = {coppice::stash("kept")}};
  for (std::uint64_t i = 0; i < gates; ++i) {
    const std::string name = gate(i);
    root.children.push_back(coppice::worker(name, [this, name] { return keep_gate(*this, name); }));
  }
  const std::uint64_t subtrees = 1 + play.draw(3);
  for (std::uint64_t i = 0; i < subtrees; ++i) {
    const std::string name = std::string{"s"}.append(std::to_string(i));
    root.children.push_back(coppice::supervisor(draw_supervisor(name, 2)));
  }
  if (play.chance(0.5)) {
    endpoint.emplace(asio::ip::address_v4::loopback(), 4000);
    root.children.push_back(coppice::acceptor(*endpoint, echo, {.name = "door", .drain = 1s}));
  }
  std::vector<std::string> ids;
  for (const coppice::child_spec& child : root.children) ids.push_back(child.id);
  book.expect_order("root", root.strategy, std::move(ids));
  return root;
}

std::vector<std::string> random_tree::names() const {
  std::vector<std::string> all{"root", "kept"};
  for (std::uint64_t i = 0; i < gates; ++i) all.push_back(gate(i));
  if (endpoint) all.push_back("door");
  for (const auto* some : {&counters, &agents, &dynamic_supervisors, &template_supervisors,
                           &task_supervisors, &partition_supervisors, &static_supervisors}) {
    all.insert(all.end(), some->begin(), some->end());
  }
  return all;
}

void random_tree::check_at_rest() {
  if (permits.waiting() > 0) book.fault("a permit is free, or lost, and is waited for");
  if (endpoint && coppice::acceptor_ref{play.io(), "door"}.counts().connections != 0) {
    book.fault("the acceptor counts connections that are gone");
  }
  for (const auto& [name, limit] : queue_limits) {
    const auto counts = coppice::sys::get_counts(coppice::process_ref{play.io(), name});
    if (counts && counts->most_waiting > limit) book.fault("a queue was too long: " + name);
  }
  for (const std::string& name : names()) {
    if (!coppice::process_ref{play.io(), name}.whereis()) book.fault("is down for good: " + name);
  }
  for (const std::string& name : partition_supervisors) {
    const std::size_t all = coppice::partition_supervisor_ref{play.io(), name}.partitions();
    for (std::size_t n = 0; n < all; ++n) {
      const std::string role = name + "/" + std::to_string(n);
      if (!book.lives_now(role)) book.fault("the tree is not whole again: " + role);
    }
  }
}

void random_tree::check_gone() {
  for (const std::string& name : names()) {
    if (coppice::process_ref{play.io(), name}.whereis()) book.fault("a name is left: " + name);
  }
  if (!endpoint) return;
  boost::system::error_code in_use;
  tcp::acceptor next{play.io(), endpoint->protocol()};
  next.bind(*endpoint, in_use);
  if (in_use) book.fault("the port of the acceptor is not free");
}

void random_tree::draw_budget(const std::string& name, std::size_t& intensity,
                              std::chrono::steady_clock::duration& period) {
  intensity = play.draw(6);
  period = draw_time(5'000);
  book.expect_budget(name, intensity, period);
}

coppice::supervisor_spec random_tree::draw_supervisor(const std::string& name, int depth) {
  static constexpr coppice::strategy kinds[]{coppice::one_for_one, coppice::one_for_all,
                                             coppice::rest_for_one};
  coppice::supervisor_spec spec{.name = name, .strategy = kinds[play.draw(3)]};
  draw_budget(name, spec.intensity, spec.period);
  static_supervisors.push_back(name);
  const bool ends_by_itself = play.chance(0.3);
  if (ends_by_itself) {
    spec.auto_shutdown = play.chance(0.5) ? coppice::auto_shutdown::any_significant
                                          : coppice::auto_shutdown::all_significant;
  }
  std::vector<std::string> roles;
  const std::uint64_t children = 1 + play.draw(5);
  for (std::uint64_t i = 0; i < children; ++i) {
    const std::string id = name + ".c" + std::to_string(i);
    // If a child is terminated whose start is to be tried again, its group stays down, as in OTP.
    alone_ = coppice::strategy{spec.strategy} == coppice::one_for_one;
    may_be_significant_ = ends_by_itself;
    spec.children.push_back(with_gate(draw_child(id, depth)));
    roles.push_back(spec.children.back().id);
  }
  book.expect_order(name, spec.strategy, std::move(roles));
  if (spec.auto_shutdown == coppice::auto_shutdown::any_significant ||
      std::ranges::count(spec.children, true, &coppice::child_spec::significant) == 1) {
    book.expect_end_with_significant(name);
  }
  return spec;
}

coppice::child_spec random_tree::draw_child(const std::string& id, int depth) {
  const std::uint64_t kind = play.draw(depth > 0 ? 8 : 6);
  if (kind < 4) return draw_worker(id);
  if (kind < 6) return draw_server(id);
  return draw_nested(id, depth - 1);
}

coppice::child_spec random_tree::with_terms(coppice::child_spec spec) {
  if (spec.id.ends_with("+own")) {
    if (play.chance(0.5)) {
      const coppice::restart_backoff b{.min = draw_time(100), .max = 2s, .seed = play.draw(99)};
      book.expect_pause(spec.id, b.min * 6 / 5, b.max);  // longer by a fifth: the default's jitter
      spec = std::move(spec).with_backoff(b);
    } else {
      const coppice::restart_limit own{.intensity = play.draw(3), .period = draw_time(2'000),
                                       .then = coppice::park, .probe_after = 5s};
      book.expect_limit(spec.id, own.intensity, own.period);
      spec = std::move(spec).with_restart_limit(own);
    }
  }
  if (play.chance(0.2)) spec = std::move(spec).with_shutdown(coppice::brutal_kill);
  return spec;
}

coppice::child_spec random_tree::with_gate(coppice::child_spec spec) {
  if (!play.chance(0.1)) return spec;
  const std::string name = any_gate();
  book.expect_gate(spec.id, name);
  return std::move(spec).starts_when(coppice::ready_of(name));
}

coppice::child_spec random_tree::draw_worker(const std::string& id) {
  const bool has_own_terms = play.chance(0.2);
  const auto how = static_cast<manner>(play.draw(6));
  // Such a one may hang: it has a limit, which no wait of its own reaches.
  const bool is_limited = !has_own_terms && how == manner::steady;
  const std::string role = has_own_terms ? id + "+own" : is_limited ? "strict:" + id : id;
  coppice::child_spec spec;
  switch (play.draw(4)) {
    case 0:
      spec = coppice::worker(role, [this, role, how] {
        return work<asio::awaitable<void>>(*this, role, how);
      });
      break;
    case 1:
      spec = coppice::worker(role, [this, role](coppice::init_ack ack) {
        return work_after_start<asio::awaitable<void>>(*this, role, ack);
      });
      break;
    default:
      spec = coppice::worker(role, [this, role, how] {
        return work<coppice::task<void>>(*this, role, how);
      });
  }
  if (is_limited) spec = std::move(spec).with_progress_limit(90s);
  if (!has_own_terms && alone_ && play.chance(0.3)) {
    managed.emplace_back(id.substr(0, id.rfind('.')), role);
    book.expect_management(role);
  } else if (!has_own_terms && play.chance(0.2)) {
    spec = std::move(spec).with_restart(coppice::transient);
    if (may_be_significant_ && play.chance(0.7)) spec = std::move(spec).with_significant();
  } else {
    book.expect_alive(role);
  }
  return with_terms(std::move(spec));
}

coppice::child_spec random_tree::draw_server(const std::string& id) {
  if (play.chance(0.2)) {
    agents.push_back(id);
    return coppice::agent<int>(id, [] { return 0; });
  }
  counters.push_back(id);
  book.expect_alive(id);
  coppice::server_options o{.same_state_crashes = 1'000'000};
  if (play.chance(0.3)) {
    static constexpr coppice::overflow ways[]{coppice::overflow::refuse,
                                              coppice::overflow::drop_oldest,
                                              coppice::overflow::drop_newest};
    o.mailbox = {.limit = 1 + play.draw(4), .when_full = ways[play.draw(3)]};
    queue_limits[id] = o.mailbox.limit;
  }
  if (play.chance(0.5)) {
    kept_counters.push_back(id);
    o.state = coppice::in_stash("kept");
  }
  return coppice::server_with<counter>(o, id, std::ref(*this), id);
}

coppice::child_spec random_tree::draw_nested(const std::string& id, int depth) {
  switch (play.draw(5)) {
    case 0: {
      coppice::dynamic_supervisor_spec spec{.name = id};
      draw_budget(id, spec.intensity, spec.period);
      if (play.chance(0.5)) {
        spec.max_children = 1 + play.draw(6);
        book.expect_at_most(id, spec.max_children);
      }
      dynamic_supervisors.push_back(id);
      return coppice::dynamic_supervisor(spec);
    }
    case 1: {
      task_supervisors.push_back(id);
      return coppice::task_supervisor({.name = id});
    }
    case 2: {
      partition_supervisors.push_back(id);
      coppice::partition_supervisor_spec spec{.name = id, .child = [this, id](std::size_t n) {
        const std::string role = id + "/" + std::to_string(n);
        return coppice::worker(role, [this, role] {
          return work<coppice::task<void>>(*this, role, manner::steady);
        });
      }, .partitions = 1 + play.draw(4)};
      draw_budget(id, spec.intensity, spec.period);
      return coppice::partition_supervisor(std::move(spec));
    }
    case 3: {
      template_supervisors.push_back(id);
      coppice::supervisor_spec spec{.name = id, .strategy = coppice::simple_one_for_one};
      draw_budget(id, spec.intensity, spec.period);
      spec.children.push_back(coppice::template_worker<int>("copy", [this](int ms) {
        return work_for(*this, std::chrono::milliseconds{ms});
      }).with_restart(play.chance(0.5) ? coppice::transient : coppice::temporary));
      return coppice::supervisor(std::move(spec));
    }
    default: return coppice::supervisor(draw_supervisor(id, depth));
  }
}
