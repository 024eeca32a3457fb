#pragma once

#include "coroutine.hpp"
#include "world.hpp"

#include <doctest/doctest.h>

#include <any>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using coppice::errc;
using coppice::exit_reason;

// How a scripted child starts ...
enum class start_as { up, throws, fails, ends, ignores, hangs };
// ... and what it does when it is asked to stop.
enum class stop_as { obeys, returns, throws, cleans_up, ignores };

struct script {
  std::deque<start_as> starts{};      // one for each start, from the first on
  start_as then = start_as::up;       // all later ones
  stop_as stop = stop_as::obeys;
  std::chrono::seconds clean_up{};    // how long cleans_up takes
  std::any info{};                    // said with ready()
};

// Children that obey scripts, and one log of what they all do, in order:
//   +a is up   !a has failed to start   ?a asked not to be started   ~a hangs in its start
//   *a was asked to stop and goes on    -a is gone, frames and all
class players {
 public:
  script& operator[](const std::string& name) { return parts_[name].script; }

  // A child of that name, acknowledging its start.
  coppice::child_spec child(const std::string& name) {
    return coppice::worker(name, [this, name](coppice::init_ack up) { return play(name, up); });
  }
  // Instances of a template, named by their argument.
  coppice::child_spec cast() {
    return coppice::template_worker<std::string>(
        "template", [this](coppice::init_ack up, std::string name) { return play(name, up); });
  }

  // Tells a child to end; it has done so when the world has settled.
  void returns(const std::string& name) { order(name, {.what = command::kind::leave}); }
  void crashes(const std::string& name) { order(name, {.what = command::kind::crash}); }
  void exits(const std::string& name, exit_reason why) {
    order(name, {.what = command::kind::exit, .reason = std::move(why)});
  }
  // Tells a child that hangs in its start to come up.
  void comes_up(const std::string& name) { order(name, {.what = command::kind::come_up}); }

  coppice::pid pid_of(const std::string& name) { return parts_[name].process; }
  int starts_of(const std::string& name) { return parts_[name].starts; }

 protected:
  std::string take_log() { return std::exchange(log_, {}); }

 private:
  struct command {
    enum class kind { leave, crash, exit, come_up };
    kind what = kind::leave;
    exit_reason reason{};
  };
  struct part {
    ::script script;
    coppice::address<command> orders;
    coppice::pid process;
    int starts = 0;
  };
  struct farewell {
    players& all;
    std::string name;
    ~farewell() { all.note('-', name); }
  };

  void order(const std::string& name, command c) { parts_[name].orders.send(std::move(c)); }
  void note(char what, const std::string& name) {
    if (!log_.empty()) log_ += ' ';
    log_ += what + name;
  }

  coroutine<> play(std::string name, coppice::init_ack up) {
    part& me = parts_[name];
    start_as how = me.script.then;
    if (!me.script.starts.empty()) {
      how = me.script.starts.front();
      me.script.starts.pop_front();
    }
    ++me.starts;
    switch (how) {
      case start_as::up: note('+', name); break;
      case start_as::hangs: note('~', name); break;
      case start_as::throws: note('!', name); throw std::runtime_error{"no start"};
      case start_as::fails: note('!', name); co_await up.fail(exit_reason::error("refused")); break;
      case start_as::ends: note('!', name); co_return;
      case start_as::ignores: note('?', name); co_await up.ignore(); break;
    }
    const farewell at_end{*this, name};
    coppice::mailbox<command> box;
    me.orders = box.get_address();
    me.process = coppice::self();
    if (how == start_as::up) up.ready(me.script.info);
    for (;;) {
      boost::system::error_code ec;
      command order;
      try {
        order = co_await box.receive();
      } catch (const boost::system::system_error& e) {
        ec = e.code();
      }
      if (!ec) {
        switch (order.what) {
          case command::kind::leave: co_return;
          case command::kind::crash: throw std::runtime_error{"boom"};
          case command::kind::exit: co_await coppice::exit(order.reason); break;
          case command::kind::come_up:
            note('+', name);
            up.ready(me.script.info);
            break;
        }
        continue;
      }
      switch (me.script.stop) {
        case stop_as::obeys: throw boost::system::system_error{ec};
        case stop_as::returns: co_return;
        case stop_as::throws: throw std::runtime_error{"spilt"};
        case stop_as::cleans_up:
          note('*', name);
          co_await coppice::sleep_for(me.script.clean_up);
          throw boost::system::system_error{ec};
        case stop_as::ignores: note('*', name); break;
      }
    }
  }

  std::map<std::string, part> parts_;
  std::string log_;
};

// What an operation that was begun outside of processes has answered, if it has.
struct answer {
  bool there = false;
  boost::system::error_code error{};
  coppice::started_child started{};
  std::vector<coppice::child_entry> listing{};
  coppice::child_entry entry{};
  coppice::child_counts counts{};
  std::optional<coppice::child_spec> spec{};
  std::size_t number = 0;
  exit_reason reason{};
};

struct answer_handler {
  std::shared_ptr<answer> to;

  void operator()(boost::system::error_code ec) const {
    to->there = true;
    to->error = ec;
  }
  void operator()(boost::system::error_code ec, coppice::started_child c) const {
    (*this)(ec);
    to->started = std::move(c);
  }
  void operator()(boost::system::error_code ec, std::vector<coppice::child_entry> l) const {
    (*this)(ec);
    to->listing = std::move(l);
  }
  void operator()(boost::system::error_code ec, coppice::child_entry e) const {
    (*this)(ec);
    to->entry = std::move(e);
  }
  void operator()(boost::system::error_code ec, std::size_t n) const {
    (*this)(ec);
    to->number = n;
  }
  void operator()(boost::system::error_code ec, coppice::child_counts c) const {
    (*this)(ec);
    to->counts = c;
  }
  void operator()(boost::system::error_code ec, std::optional<coppice::child_spec> s) const {
    (*this)(ec);
    to->spec = std::move(s);
  }
  void operator()(boost::system::error_code ec, exit_reason r) const {
    (*this)(ec);
    to->reason = std::move(r);
  }
};

// Begins an operation; it goes on when the world is settled.
template <class Operation>
std::shared_ptr<answer> begin(Operation operation) {
  auto result = std::make_shared<answer>();
  std::move(operation)(answer_handler{result});
  return result;
}

// The end of a process, as it is heard outside.
inline std::shared_ptr<answer> end_of(const coppice::pid& process) {
  return begin(coppice::await_exit(process));
}

// A world with scripted children. They outlive the io_context, in whose frames they are referred
// to.
struct scene : players, world {
  // What has happened since the last time, after settling.
  std::string log() {
    clock.settle();
    return take_log();
  }

  template <class Spec>
  auto supervise(Spec spec) {
    const auto supervisor = coppice::start_supervisor(io, std::move(spec));
    clock.settle();
    return supervisor;
  }

  // The answer of an operation that needs no time, asked when nothing else is under way.
  template <class Operation>
  answer ask(Operation operation) {
    clock.settle();
    const auto a = begin(std::move(operation));
    clock.settle();
    CHECK(a->there);
    return *a;
  }
  answer start(const coppice::supervisor_ref& supervisor, coppice::child_spec spec) {
    clock.settle();
    auto adding = supervisor.start_child(std::move(spec));
    return with_reason(adding);
  }
  answer start(const coppice::dynamic_supervisor_ref& supervisor, coppice::child_spec spec) {
    clock.settle();
    auto adding = supervisor.start_child(std::move(spec));
    return with_reason(adding);
  }
  answer start(const coppice::simple_one_for_one_ref<std::string>& supervisor,
               std::string argument) {
    clock.settle();
    auto adding = supervisor.start_child(std::move(argument));
    return with_reason(adding);
  }

  // The listing, as one line: "a b(restarting) c(none)".
  template <class Handle>
  std::string children_of(const Handle& supervisor) {
    std::string text;
    for (const coppice::child_entry& c : ask(supervisor.which_children()).listing) {
      if (!text.empty()) text += ' ';
      text += c.id;
      if (c.restarting) {
        text += "(restarting)";
      } else if (!c.process) {
        text += "(none)";
      }
    }
    return text;
  }
  // The counts, as "specs active supervisors workers".
  template <class Handle>
  std::string count_of(const Handle& supervisor) {
    const coppice::child_counts c = ask(supervisor.count_children()).counts;
    return std::to_string(c.specs) + ' ' + std::to_string(c.active) + ' ' +
           std::to_string(c.supervisors) + ' ' + std::to_string(c.workers);
  }

 private:
  answer with_reason(coppice::child_start& adding) {
    answer a = ask(adding.ready());
    a.reason = adding.failure();
    return a;
  }
};
