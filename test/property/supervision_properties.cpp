// What holds for every supervisor, whatever its children do and whatever it is asked. Histories are
// made up at random, and one that breaks a rule is made smaller until nothing can be left out of
// it.
//
// A failure says how it can be played again, which is best done without Meson:
//
//     RC_PARAMS="reproduce=..." build/test/property/properties
//
// Other histories, or more of them: RC_PARAMS="seed=1 max_success=100000".

#include <coppice/detail/supervision/supervision.hpp>

#include "history.hpp"
#include "naive_supervisor.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace std::chrono_literals;

using kind = supervision::action::kind_type;
using next_step = supervision::action::next_type;
using result = supervision::result;
using what = note::what_type;

namespace {

// ---- Making up histories

rc::Gen<coppice::restart_limit> any_limit() {
  using limit = coppice::restart_limit;
  return rc::gen::build<limit>(
      rc::gen::set(&limit::intensity, rc::gen::element<std::size_t>(1, 0, 2)),
      rc::gen::set(&limit::period, rc::gen::element<span_of_time>(1s, 2s)),
      rc::gen::set(&limit::then, rc::gen::element(coppice::park, coppice::drop, coppice::escalate)),
      rc::gen::set(&limit::probe_after,
                   rc::gen::element<coppice::time_limit>(1s, 3s, coppice::infinity)),
      rc::gen::set(&limit::counts, rc::gen::weightedElement<bool>({{4, false}, {1, true}})));
}

rc::Gen<child_plan> any_child() {
  // Few times, so that they often coincide.
  return rc::gen::build<child_plan>(
      rc::gen::set(&child_plan::restarted,
                   rc::gen::element(coppice::permanent, coppice::transient, coppice::temporary)),
      rc::gen::set(&child_plan::how, rc::gen::element<coppice::shutdown>(
                                         1s, 0s, 2s, 1ns, coppice::brutal_kill, coppice::infinity)),
      rc::gen::set(&child_plan::significant),
      rc::gen::set(&child_plan::start_limit, rc::gen::element<std::optional<span_of_time>>(
                                                 std::nullopt, std::nullopt, 1s, 2s)),
      rc::gen::set(&child_plan::backoff,
                   rc::gen::element<std::optional<coppice::restart_backoff>>(
                       std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt,
                       coppice::restart_backoff{.min = 1s, .max = 4s, .jitter = 0},
                       coppice::restart_backoff{
                           .min = 1ns, .max = 2s, .factor = 1e9, .jitter = 0, .counts = true})),
      rc::gen::set(&child_plan::limit,
                   rc::gen::weightedOneOf<std::optional<coppice::restart_limit>>(
                       {{4, rc::gen::just(std::optional<coppice::restart_limit>{})},
                        {1, rc::gen::map(any_limit(), [](const coppice::restart_limit& l) {
                           return std::optional{l};
                         })}})),
      rc::gen::set(&child_plan::gated, rc::gen::weightedElement<bool>({{8, false}, {1, true}})),
      rc::gen::set(&child_plan::at_first,
                   rc::gen::weightedElement<reaction>({{20, reaction::is_up},
                                                       {2, reaction::waits},
                                                       {1, reaction::ignores},
                                                       {1, reaction::fails}})),
      rc::gen::set(
          &child_plan::later,
          rc::gen::resize(4, rc::gen::container<std::vector<reaction>>(
                                 rc::gen::weightedElement<reaction>({{5, reaction::is_up},
                                                                     {2, reaction::waits},
                                                                     {1, reaction::ignores},
                                                                     {3, reaction::fails}})))),
      rc::gen::set(&child_plan::stubborn));
}

rc::Gen<setting> any_setting() {
  using options = supervision::options;
  auto any_options = rc::gen::build<options>(
      rc::gen::set(&options::strategy,
                   rc::gen::weightedElement<coppice::strategy>({{2, coppice::one_for_one},
                                                                {3, coppice::one_for_all},
                                                                {3, coppice::rest_for_one},
                                                                {1, coppice::simple_one_for_one}})),
      rc::gen::set(&options::intensity, rc::gen::element<std::size_t>(1, 2, 3, 1, 2, 0, 50)),
      rc::gen::set(&options::period, rc::gen::element<span_of_time>(1s, 1s, 2s)),
      rc::gen::set(&options::automatic, rc::gen::element(coppice::auto_shutdown::never,
                                                         coppice::auto_shutdown::any_significant,
                                                         coppice::auto_shutdown::all_significant)),
      rc::gen::set(&options::dynamic, rc::gen::weightedElement<bool>({{5, false}, {1, true}})),
      rc::gen::set(&options::max_children, rc::gen::element<std::size_t>(1000, 1000, 1, 3)));
  // Dynamic supervisors, of either kind, neither have groups nor shut down automatically.
  auto legal = rc::gen::map(std::move(any_options), [](options o) {
    o.dynamic = o.dynamic || o.strategy == coppice::simple_one_for_one;
    if (o.dynamic && o.strategy != coppice::simple_one_for_one) o.strategy = coppice::one_for_one;
    if (o.dynamic) o.automatic = coppice::auto_shutdown::never;
    return o;
  });
  return rc::gen::build<setting>(
      rc::gen::set(&setting::options, std::move(legal)),
      rc::gen::set(&setting::children,
                   rc::gen::resize(6, rc::gen::container<std::vector<child_plan>>(any_child()))));
}

rc::Gen<step> any_step() {
  using type = step::what_type;
  return rc::gen::build<step>(
      rc::gen::set(&step::what, rc::gen::weightedElement<type>({{30, type::look},
                                                                {15, type::look_once},
                                                                {20, type::answer},
                                                                {25, type::end},
                                                                {12, type::pass},
                                                                {6, type::reach},
                                                                {12, type::add},
                                                                {6, type::terminate},
                                                                {4, type::terminate_number},
                                                                {6, type::restart},
                                                                {4, type::erase},
                                                                {3, type::queue},
                                                                {5, type::turn_gate},
                                                                {1, type::stop}})),
      rc::gen::set(&step::whom, rc::gen::inRange<std::size_t>(0, 12)),
      rc::gen::set(&step::how,
                   rc::gen::weightedElement<outcome>(
                       {{4, outcome::ok}, {1, outcome::ignored}, {1, outcome::failed}})),
      rc::gen::set(&step::reason,
                   rc::gen::element(exit_reason::normal(), exit_reason::error("boom"),
                                    exit_reason::shutdown(), exit_reason::shutdown("done"),
                                    exit_reason::killed())),
      rc::gen::set(&step::time, rc::gen::element<span_of_time>(1s, 1s, 1ns, 2s, 1s - 1ns)),
      rc::gen::set(&step::child, any_child()));
}

enum class pace {
  any,
  prompt,  // Actions are carried out when they are decided, not later.
};

// Plays many histories and hands each to `judge`, which complains by RC_ASSERT.
bool in_every_history(const std::function<void(const history&)>& judge, pace how = pace::any) {
  return rc::check(doctest::getContextOptions()->currentTest->m_name, [&judge, how] {
    const auto s = *any_setting().as("supervisor");
    auto steps = *rc::gen::container<std::vector<step>>(any_step()).as("steps");
    for (step& next : steps) {
      const bool some = next.what == step::what_type::look_once;
      if (some && how == pace::prompt) next.what = step::what_type::look;
    }
    const history h = play(s, steps);
    RC_LOG() << h;
    judge(h);
  });
}

bool is_action(const note& n, kind k) { return n.what == what::action && n.kind == k; }
bool is_call(const note& n) { return n.what < what::look && n.call != nobody; }
bool asks_to_end(const note& n) { return is_action(n, kind::stop) || is_action(n, kind::kill); }

// What can be known of the processes of a supervisor without knowing any of its rules.
class census {
 public:
  enum class life { none, starting, running };

  struct person {
    life now = life::none;
    bool asked = false;  // to end, or killed
    bool killed = false;
  };

  explicit census(const history& h) {
    for (std::size_t whom = 0; whom < h.static_children; ++whom) order.push_back(whom);
  }

  void hear(const note& n) {
    if (n.what == what::add) added_[n.call] = n.whom;
    if (n.whom == nobody) return;
    person& p = people[n.whom];
    switch (n.what) {
      case what::started: p = {life::running}; break;
      case what::ignored:
      case what::start_failed:
      case what::ended: p.now = life::none; break;
      case what::action:
        switch (n.kind) {
          case kind::start: p = {life::starting}; break;
          case kind::stop: p.asked = true; break;
          case kind::kill: p.asked = p.killed = true; break;
          case kind::forget: std::erase(order, n.whom); break;
          case kind::reply: {
            const bool was_added = added_.contains(n.call) && added_[n.call] == n.whom;
            if (was_added && n.result <= result::ignored) order.push_back(n.whom);
            break;
          }
          default: break;
        }
        break;
      default: break;
    }
  }

  [[nodiscard]] bool lives(std::size_t whom) { return people[whom].now != life::none; }
  // Those behind one in the start order; all if it is nobody.
  [[nodiscard]] std::vector<std::size_t> behind(std::size_t whom) const {
    const auto at = std::find(order.begin(), order.end(), whom);
    return {at == order.end() ? order.begin() : std::next(at), order.end()};
  }

  std::map<std::size_t, person> people;
  std::vector<std::size_t> order;  // of the children, by their start

 private:
  std::map<std::size_t, std::size_t> added_;  // by call
};

using life = census::life;

}  // namespace

TEST_CASE("a supervisor does what one in plain loops would do, and nothing else") {
  CHECK(in_every_history([](const history& h) { RC_ASSERT(differs_from_naive(h) == ""); }));
}

// RT-16, RT-19
TEST_CASE("at most one process of a child lives at a time, and its end is dealt with once") {
  CHECK(in_every_history([](const history& h) {
    census all{h};
    std::map<std::size_t, std::optional<exit_reason>> unseen;  // ends
    std::set<std::size_t> ended_lately;  // and may still be asked to end, as was decided before
    for (const note& n : h.notes) {
      if (n.what == what::rest) ended_lately.clear();
      if (n.what == what::ended) {
        unseen[n.whom] = n.reason;
        ended_lately.insert(n.whom);
      }
      if (is_action(n, kind::start)) {
        RC_ASSERT(!all.lives(n.whom));
        unseen[n.whom].reset();
      }
      if (asks_to_end(n)) {
        const census::person& p = all.people[n.whom];
        RC_ASSERT(p.now != life::none || ended_lately.contains(n.whom));
        RC_ASSERT(!(is_action(n, kind::kill) ? p.killed : p.asked));
      }
      if (is_action(n, kind::has_ended) || is_action(n, kind::stopped_badly)) {
        RC_ASSERT(unseen[n.whom] == std::optional{n.reason});
        unseen[n.whom].reset();
      }
      all.hear(n);
    }
  }));
}

// START-01, START-12, START-13
TEST_CASE("static children start in order, one at a time, and a failure ends it") {
  CHECK(in_every_history([](const history& h) {
    std::size_t next = 0;
    bool waits = false;
    for (const note& n : h.notes) {
      if (is_action(n, kind::booted)) {
        RC_ASSERT(next == h.static_children);
        return;
      }
      if (is_action(n, kind::start) || is_action(n, kind::held_back)) {
        RC_ASSERT(!waits);
        RC_ASSERT(n.whom == next);
        ++next;
        waits = n.kind == kind::start;
      }
      if (n.what == what::started || n.what == what::ignored) waits = false;
    }
    RC_ASSERT(h.cause == supervision::cause::asked || h.cause == supervision::cause::start_failed);
  }));
}

// ST-02, ST-03, ST-05, ST-06, RT-08, RT-11
TEST_CASE("a group is down before it is started, completely and in order") {
  CHECK(in_every_history([](const history& h) {
    // While a child waits for its restart, its siblings may be started one by one.
    if (!h.in_groups() || h.with_policies()) return;
    census all{h};
    std::size_t cause = nobody;              // the child whose end brought the group down
    std::vector<std::size_t> to_be_started;  // next one last
    for (const note& n : h.notes) {
      if (n.what == what::start_failed) to_be_started.clear();
      if (n.what == what::action && n.kind != kind::forget) {
        if (is_action(n, kind::start) && cause != nobody) {
          const bool whole = h.options.strategy == coppice::one_for_all;
          to_be_started = all.behind(whole ? nobody : cause);
          if (!whole) to_be_started.insert(to_be_started.begin(), cause);
          for (const std::size_t whom : to_be_started) {
            RC_ASSERT(!all.lives(whom));
            RC_ASSERT(h.cast[whom].plan.restarted != coppice::temporary);
          }
          std::reverse(to_be_started.begin(), to_be_started.end());
          cause = nobody;
        }
        if (!to_be_started.empty() && !asks_to_end(n)) {
          RC_ASSERT(n.kind == kind::start);
          RC_ASSERT(n.whom == to_be_started.back());
          to_be_started.pop_back();
        }
        if (is_action(n, kind::has_ended) && n.next == next_step::restart) cause = n.whom;
      }
      all.hear(n);
    }
  }));
}

// SHUT-01, ST-02, ST-03
TEST_CASE("static children stop one after another, in reverse order") {
  CHECK(in_every_history([](const history& h) {
    if (h.dynamic()) return;
    census all{h};
    std::map<std::string, int> to_be_terminated;  // by call, so out of order
    std::map<std::size_t, std::string> calls;
    std::size_t stopping = nobody;
    for (const note& n : h.notes) {
      if (n.what == what::terminate) {
        calls[n.call] = n.id;
        ++to_be_terminated[n.id];
      }
      if (is_action(n, kind::reply) && calls.contains(n.call)) --to_be_terminated[calls[n.call]];
      if (n.what == what::ended && n.whom == stopping) stopping = nobody;
      if (asks_to_end(n) && all.people[n.whom].now == life::running && !all.people[n.whom].asked) {
        RC_ASSERT(stopping == nobody);
        stopping = n.whom;
        if (to_be_terminated[h.cast[n.whom].id] == 0) {
          for (const std::size_t whom : all.behind(n.whom)) RC_ASSERT(!all.lives(whom));
        }
      }
      if (is_action(n, kind::start)) RC_ASSERT(stopping == nobody);
      all.hear(n);
    }
  }));
}

// SHUT-15, SHUT-17
TEST_CASE("dynamic children stop side by side") {
  CHECK(in_every_history([](const history& h) {
    if (!h.dynamic()) return;
    census all{h};
    std::set<std::size_t> calls;  // to terminate one child
    for (const note& n : h.notes) {
      if (n.what == what::terminate_number) calls.insert(n.call);
      if (is_action(n, kind::reply)) calls.erase(n.call);
      all.hear(n);
      if (n.what != what::rest || !calls.empty()) continue;
      const auto count = [&all](bool asked) {
        return std::count_if(all.order.begin(), all.order.end(), [&](std::size_t whom) {
          const census::person& p = all.people[whom];
          return p.now == life::running && p.asked == asked;
        });
      };
      RC_ASSERT(count(true) == 0 || count(false) == 0);
    }
  }));
}

// INT-08, INT-11, START-13
TEST_CASE("nothing is started once the stop has begun") {
  CHECK(in_every_history([](const history& h) {
    bool under_way = true;
    bool stops = false;
    census all{h};
    for (const note& n : h.notes) {
      if (n.what == what::rest) {
        // Whatever it was doing is done, unless it waits for somebody.
        under_way = std::any_of(all.people.begin(), all.people.end(), [](const auto& known) {
          const census::person& p = known.second;
          return p.now == life::starting || (p.now == life::running && p.asked);
        });
      }
      if (n.what == what::action && (n.next == next_step::give_up ||
                                     n.next == next_step::shut_down || n.kind == kind::exhausted)) {
        stops = true;
      }
      // What it is told later waits its turn behind the stop; what it was told before does not.
      if (n.what == what::stop && !under_way) stops = true;
      // It has something to do, because of what it is told or because a pause is over.
      if (n.what < what::look || n.what == what::action) under_way = true;
      if (stops) RC_ASSERT(!is_action(n, kind::start));
      all.hear(n);
    }
  }));
}

// RT-01 to RT-10
TEST_CASE("who is restarted depends on its kind and on its reason alone") {
  CHECK(in_every_history([](const history& h) {
    std::map<std::size_t, int> starts;
    std::map<std::size_t, next_step> fate;
    std::set<std::string> restarted_by_call;
    for (const note& n : h.notes) {
      if (n.what == what::restart) restarted_by_call.insert(n.id);
      if (is_action(n, kind::has_ended)) {
        const coppice::restart kind_of_it = h.cast[n.whom].plan.restarted;
        const bool again = kind_of_it == coppice::permanent ||
                           (kind_of_it == coppice::transient && n.reason.is_abnormal());
        const bool is_dropped = n.next == next_step::drop ||
                                (h.cast[n.whom].plan.limit && n.next == next_step::shut_down);
        const bool is_again = n.next == next_step::restart || n.next == next_step::give_up ||
                              n.next == next_step::park;
        if (!again || !is_dropped) RC_ASSERT(is_again == again);
        fate[n.whom] = n.next;
      }
      if (!is_action(n, kind::start)) continue;
      if (h.cast[n.whom].plan.restarted == coppice::temporary) RC_ASSERT(++starts[n.whom] == 1);
      // In a group, and when asked for, a child comes back that has ended well.
      if (h.in_groups() || restarted_by_call.contains(h.cast[n.whom].id)) continue;
      if (fate.contains(n.whom)) {
        RC_ASSERT(fate[n.whom] == next_step::restart || fate[n.whom] == next_step::park);
      }
    }
  }));
}

// INT-01, INT-02, INT-04, INT-05, INT-10, RR-03, RR-17
TEST_CASE("the restart budget is not exceeded, and not given up early") {
  const auto judge = [](const history& h) {
    if (h.with_policies()) return;  // Of theirs, only some count.
    std::vector<when> tries;
    std::set<std::size_t> to_be_retried;
    std::map<std::size_t, std::string> terminations;              // by call
    std::map<std::size_t, std::uint64_t> terminations_of_number;  // by call
    std::map<std::uint64_t, std::size_t> numbers;
    for (const note& n : h.notes) {
      if (n.what == what::started) numbers[n.number] = n.whom;
      if (n.what == what::terminate) terminations[n.call] = n.id;
      if (n.what == what::terminate_number) terminations_of_number[n.call] = n.number;
      if (n.what != what::action) continue;
      if (n.kind == kind::reply && n.result == result::ok) {
        // Nothing is retried any more that was terminated.
        const auto by_id = terminations.find(n.call);
        const auto by_number = terminations_of_number.find(n.call);
        std::erase_if(to_be_retried, [&](std::size_t whom) {
          return (by_id != terminations.end() && by_id->second == h.cast[whom].id) ||
                 (by_number != terminations_of_number.end() && numbers[by_number->second] == whom);
        });
      }
      if (n.kind == kind::failed_to_start && n.next == next_step::restart) {
        if (h.in_groups()) return;  // A retry may begin with a stop, which looks like any other.
        to_be_retried.insert(n.whom);
        continue;
      }
      const bool is_first_try = n.kind == kind::has_ended &&
                                (n.next == next_step::restart || n.next == next_step::give_up);
      const bool is_retry =
          (n.kind == kind::start || n.kind == kind::exhausted) && to_be_retried.erase(n.whom) > 0;
      if (!is_first_try && !is_retry) continue;
      const auto recent = std::count_if(tries.begin(), tries.end(),
                                        [&](when t) { return n.now - t <= h.options.period; });
      tries.push_back(n.now);
      const bool within_budget = static_cast<std::size_t>(recent) < h.options.intensity;
      RC_ASSERT(within_budget == (n.kind == kind::start || n.next == next_step::restart));
    }
  };
  CHECK(in_every_history(judge, pace::prompt));
}

// BEY-01
TEST_CASE("a child with pauses is started again when its pause is over, not before and not later") {
  const auto judge = [](const history& h) {
    std::map<std::size_t, when> due;
    std::set<std::string> called;  // whose pause may have been ended by a call
    when now{};
    bool stops = false;
    for (const note& n : h.notes) {
      if (n.what == what::look) now = n.now;
      if (n.what == what::restart || n.what == what::terminate || n.what == what::erase) {
        called.insert(n.id);
      }
      stops = stops || n.what == what::stop || is_action(n, kind::exhausted) ||
              n.next == next_step::shut_down;
      if (n.what == what::terminate_number || stops || h.in_groups()) return;
      if (n.what == what::action && n.pause.count() > 0) {
        const child_plan& plan = h.cast[n.whom].plan;
        if (n.next == next_step::park) {
          RC_ASSERT(n.pause == plan.limit->probe_after.time());
        } else {
          RC_ASSERT(n.next == next_step::restart);
          RC_ASSERT(n.pause <= plan.backoff->max);
        }
        // After a start that has failed the pause begins when its turn comes.
        if (n.kind == kind::has_ended) due[n.whom] = n.now + n.pause;
      }
      if (is_action(n, kind::start) && due.contains(n.whom) &&
          !called.contains(h.cast[n.whom].id)) {
        RC_ASSERT(n.now >= due[n.whom]);
        due.erase(n.whom);
      }
      if (n.what != what::rest) continue;
      for (const auto& [whom, at] : due) {
        if (now >= at || called.contains(h.cast[whom].id)) continue;
        RC_ASSERT(n.deadline.has_value());
        RC_ASSERT(*n.deadline <= at);
      }
    }
  };
  CHECK(in_every_history(judge, pace::prompt));
}

// INT-07, SHUT-21
TEST_CASE("a supervisor ends with the reason it was asked to end with, or with shutdown") {
  CHECK(in_every_history([](const history& h) {
    std::vector<exit_reason> asked;
    bool gave_up = false;
    bool automatic = false;
    bool failed = false;
    bool booted = false;
    for (const note& n : h.notes) {
      if (n.what == what::stop) asked.push_back(n.reason);
      booted = booted || is_action(n, kind::booted);
      gave_up = gave_up || is_action(n, kind::exhausted);
      if (n.what == what::action && n.next == next_step::shut_down) {
        // A child that has spent its own limit may be dropped when it fails to start.
        (booted || n.kind == kind::has_ended ? automatic : failed) = true;
      }
      if (!is_action(n, kind::finished)) continue;
      RC_ASSERT(gave_up == (h.cause == supervision::cause::gave_up));
      RC_ASSERT(automatic == (h.cause == supervision::cause::automatic));
      switch (h.cause) {
        case supervision::cause::asked:
          RC_ASSERT(!asked.empty());
          RC_ASSERT(n.reason == asked.front());
          break;
        case supervision::cause::start_failed:
          RC_ASSERT(failed);
          RC_ASSERT(n.reason.is_shutdown());
          break;
        case supervision::cause::gave_up:
        case supervision::cause::automatic: RC_ASSERT(n.reason == exit_reason::shutdown()); break;
      }
    }
  }));
}

// API-22, SHUT-25
TEST_CASE("calls are answered once each and in turn, up to the one where it stops") {
  CHECK(in_every_history([](const history& h) {
    std::vector<std::size_t> waiting;
    std::size_t answered = 0;
    std::size_t before_stop = nobody;  // calls that came before the first stop
    for (const note& n : h.notes) {
      if (is_call(n)) waiting.push_back(n.call);
      if (n.what == what::stop && before_stop == nobody) before_stop = waiting.size();
      if (!is_action(n, kind::reply) && !is_action(n, kind::serve)) continue;
      RC_ASSERT(answered < waiting.size());
      RC_ASSERT(n.call == waiting[answered]);
      ++answered;
    }
    RC_ASSERT(answered <= before_stop);
    // Of those that came before, only a reason to end earlier leaves some without an answer; and a
    // stop that comes while the static children start is such a reason if one of them fails.
    const bool asked = h.cause == supervision::cause::asked;
    const bool booted = std::any_of(h.notes.begin(), h.notes.end(),
                                    [](const note& n) { return is_action(n, kind::booted); });
    if (asked && booted) RC_ASSERT(answered == before_stop);
  }));
}

// API-02, API-03, API-07, API-08
TEST_CASE("an answer says what is the case") {
  CHECK(in_every_history([](const history& h) {
    census all{h};
    std::map<std::size_t, const note*> calls;
    for (const note& n : h.notes) {
      if (is_call(n)) calls[n.call] = &n;
      if (is_action(n, kind::reply)) {
        const note& call = *calls[n.call];
        const auto known = std::find_if(all.order.begin(), all.order.end(), [&](std::size_t whom) {
          return !h.dynamic() &&
                 h.cast[whom].id == (call.what == what::add ? h.cast[call.whom].id : call.id);
        });
        const bool is_known = known != all.order.end();
        const bool by_id = call.what != what::add && call.what != what::terminate_number;
        if (by_id && !(call.what == what::terminate && n.result == result::ok)) {
          RC_ASSERT((n.result == result::not_found) == !is_known);
        }
        if (call.what == what::terminate_number && !h.dynamic()) {
          RC_ASSERT(n.result == result::not_found);
        }
        if (call.what == what::add) {
          const bool refused =
              n.result == result::already_started || n.result == result::already_present;
          RC_ASSERT(refused == is_known);
          RC_ASSERT((n.result == result::max_children) ==
                    (h.dynamic() && all.order.size() >= h.options.max_children));
          if (refused) RC_ASSERT(n.whom == *known);
        }
      }
      all.hear(n);
    }
  }));
}

TEST_CASE("a child is forgotten once, and nobody speaks of it afterwards") {
  CHECK(in_every_history([](const history& h) {
    std::set<std::size_t> forgotten;
    std::set<std::size_t> known;
    std::map<std::size_t, std::size_t> added;  // by call
    for (std::size_t whom = 0; whom < h.static_children; ++whom) known.insert(whom);
    for (const note& n : h.notes) {
      if (n.what == what::add) added[n.call] = n.whom;
      // Also one that was refused.
      if (is_action(n, kind::reply) && added.contains(n.call)) known.insert(added[n.call]);
      const bool about_a_child = n.what == what::action && n.kind != kind::booted &&
                                 n.kind != kind::reply && n.kind != kind::serve &&
                                 n.kind != kind::finished;
      // Who is not on the stage any more has no name here.
      if (about_a_child) RC_ASSERT(n.whom != nobody);
      if (n.what != what::action || n.whom == nobody) continue;
      RC_ASSERT(!forgotten.contains(n.whom));
      if (n.kind == kind::forget) forgotten.insert(n.whom);
    }
    for (const std::size_t whom : known) RC_ASSERT(forgotten.contains(whom));
  }));
}

// SHUT-01, SHUT-28, RR-12
TEST_CASE("a stop leads to the end, where no process is left and after which nothing happens") {
  CHECK(in_every_history([](const history& h) {
    RC_ASSERT(h.finished);
    census all{h};
    bool finished = false;
    for (const note& n : h.notes) {
      if (n.what == what::action) RC_ASSERT(!finished);
      if (is_action(n, kind::finished)) {
        finished = true;
        for (const auto& [whom, p] : all.people) RC_ASSERT(p.now == life::none);
        RC_ASSERT(all.order.empty());
      }
      all.hear(n);
    }
  }));
}

// SHUT-02, SHUT-03, SHUT-04, SHUT-29
TEST_CASE("a child that was asked to end is killed when its time is up, not before and not later") {
  const auto judge = [](const history& h) {
    census all{h};
    std::map<std::size_t, when> asked;
    when now{};
    for (const note& n : h.notes) {
      if (n.what == what::look) now = n.now;
      if (n.what == what::started || n.what == what::ended) asked.erase(n.whom);
      if (asks_to_end(n) && all.people[n.whom].now == life::running) {
        const coppice::shutdown how = h.cast[n.whom].plan.how;
        if (is_action(n, kind::stop)) {
          RC_ASSERT(!how.is_brutal_kill());
          asked[n.whom] = n.now;
        } else if (!how.is_brutal_kill()) {
          RC_ASSERT(how.is_timed());
          RC_ASSERT(asked.contains(n.whom));
          RC_ASSERT(n.now > asked[n.whom]);
          RC_ASSERT(n.now - asked[n.whom] >= how.time());
          asked.erase(n.whom);
        }
      }
      if (n.what == what::rest) {
        if (n.deadline) RC_ASSERT(*n.deadline > now);
        for (const auto& [whom, since] : asked) {
          const coppice::shutdown how = h.cast[whom].plan.how;
          if (!how.is_timed()) continue;
          RC_ASSERT(now == since || now - since < how.time());
          RC_ASSERT(n.deadline.has_value());
          RC_ASSERT(*n.deadline <= since + std::max(how.time(), span_of_time{1}));
        }
      }
      all.hear(n);
    }
  };
  CHECK(in_every_history(judge, pace::prompt));
}

// INIT-06
TEST_CASE("a child that does not start in time is killed, also when its supervisor is to stop") {
  const auto judge = [](const history& h) {
    std::size_t starting = nobody;
    when since{};
    bool killed = false;
    when now{};
    for (const note& n : h.notes) {
      if (n.what == what::look) now = n.now;
      if (is_action(n, kind::start)) {
        starting = n.whom;
        since = n.now;
        killed = false;
      }
      if (n.what == what::started || n.what == what::ignored || n.what == what::start_failed) {
        starting = nobody;
      }
      if (starting == nobody) continue;
      const auto limit = h.cast[starting].plan.start_limit;
      if (is_action(n, kind::kill)) killed = true;
      if (n.what == what::rest && limit && !killed) RC_ASSERT(now - since < *limit);
    }
  };
  CHECK(in_every_history(judge, pace::prompt));
}
