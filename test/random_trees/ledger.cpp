#include "ledger.hpp"

#include <algorithm>
#include <new>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>

namespace {

// A child with terms of its own spends the budget of its supervisor only if these say so; none here
// do.
bool has_own_terms(std::string_view id) { return id.find("+own") != std::string_view::npos; }

// Whether that role is of the child with that id, or of one of those below it.
bool is_of(std::string_view role, std::string_view id) {
  if (role == id) return true;
  constexpr std::string_view mark = "strict:";
  if (role.starts_with(mark)) role.remove_prefix(mark.size());
  return role.starts_with(id) && role.size() > id.size() &&
         (role[id.size()] == '.' || role[id.size()] == '/');
}

}  // namespace

ledger::life::life(ledger& of, std::string role) : of_{&of}, role_{std::move(role)} {
  ++of.lives;
  if (++of.alive_[role_] > 1) of.fault("two at a time: " + role_);
}

ledger::life::~life() {
  if (of_ == nullptr) return;
  --of_->alive_[role_];
  if (of_->stopping_) of_->ends_.push_back(role_);
}

void ledger::end_call(const limited_call& c) {
  if (play_.elapsed() - c.began > c.limit) fault("a call was not answered within its limit");
}

void ledger::counted(const std::string& counter, const known_count& before, int value) {
  known_count& known = counters_[counter];
  if (known.losses != before.losses) return;
  if (value <= before.highest) {
    fault("a counter went back: " + counter + " from " + std::to_string(before.highest) + " to " +
          std::to_string(value));
  }
  known.highest = std::max(known.highest, value);
}

// The stash lives as long as the tree, so a state is lost only for want of memory.
void ledger::note_loss(const coppice::state_lost& what) {
  const std::type_info* const why = what.reason.exception_type();
  if (why == nullptr || *why != typeid(std::bad_alloc)) {
    fault("a state is lost: " + std::string{what.name});
    return;
  }
  known_count& known = counters_[std::string{what.name}];
  known = {0, known.losses + 1};
}

void ledger::take(const coppice::report& r) {
  std::visit(
      [this](const auto& what) {
        using type = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<type, coppice::child_starting>) {
          starting_[key_of(what.child)] = play_.elapsed();
          check_gate(what.child);
        } else if constexpr (std::is_same_v<type, coppice::child_started>) {
          note_start(what.child);
        } else if constexpr (std::is_same_v<type, coppice::child_ended>) {
          note_end(what);
        } else if constexpr (std::is_same_v<type, coppice::child_start_failed>) {
          const auto since = starting_[key_of(what.child)];
          check_limit(what.child, what.next, {since, play_.elapsed()}, {});
          note_failed_start(what.child, what.next);
        } else if constexpr (std::is_same_v<type, coppice::child_recovered>) {
          own_.erase(key_of(what.child));
        } else if constexpr (std::is_same_v<type, coppice::budget_exhausted>) {
          const auto known = budgets_.find(std::string{what.child.supervisor});
          if (known != budgets_.end() && !has_own_terms(what.child.id) &&
              most_failures(what.child) <= known->second.intensity) {
            fault("gave up early: " + known->first);
          }
        } else if constexpr (std::is_same_v<type, coppice::child_stop_failed>) {
          // Nobody does harm when the tree is stopped, and all obey.
          if (stopping_ && what.had_to_be_killed) {
            fault("has not obeyed its stop: " + std::string{what.child.id});
          }
        } else if constexpr (std::is_same_v<type, coppice::state_lost>) {
          note_loss(what);
        } else if constexpr (std::is_same_v<type, coppice::process_abandoned>) {
          fault("a process cannot be killed");
        } else if constexpr (std::is_same_v<type, coppice::reports_lost>) {
          fault("reports were lost");
        }
      },
      r);
}

void ledger::note_start(const coppice::child_info& c) {
  note_try(c);
  const auto [known, is_new] = runs_.try_emplace(c.process.number(), run{play_.elapsed()});
  if (!is_new) fault("started twice: " + std::string{c.id});
  run& started = known->second;  // it stays where it is
  coppice::await_exit(c.process)([&started](boost::system::error_code, coppice::exit_reason) {
    ++started.ends_heard;
  });
  check_siblings(c);
  check_children(c);
}

void ledger::note_siblings(const coppice::child_info& c) {
  const auto known = groups_.find(std::string{c.supervisor});
  if (known == groups_.end() || known->second.strategy == coppice::one_for_one) return;
  const std::uint64_t supervisor = c.supervisor_id.number();
  std::vector<coppice::pid>& to_go = to_go_[key_of(c)];
  bool is_behind = known->second.strategy == coppice::one_for_all;
  for (const std::string& role : known->second.roles) {
    if (role == c.id) {
      is_behind = true;
    } else if (is_behind) {
      to_go.push_back(latest_[{supervisor, role}]);
    }
  }
}

void ledger::check_siblings(const coppice::child_info& c) {
  const child_key key = key_of(c);
  latest_[key] = c.process;
  const auto found = to_go_.extract(key);
  if (found.empty()) return;
  for (const coppice::pid& sibling : found.mapped()) {
    if (sibling.alive()) fault("not restarted with its sibling: " + key.second);
  }
}

void ledger::check_children(const coppice::child_info& c) {
  const auto known = most_.find(std::string{c.supervisor});
  if (known == most_.end()) return;
  std::vector<coppice::pid>& all = children_[c.supervisor_id.number()];
  std::erase_if(all, [](const coppice::pid& p) { return !p.alive(); });
  all.push_back(c.process);
  if (all.size() > known->second) fault("too many children: " + known->first);
}

// OTP: do_restart/3.
void ledger::check_restart_type(const coppice::child_info& c, const coppice::exit_reason& why,
                                coppice::next_step next) {
  using coppice::next_step;
  const bool is_to_run = c.restart == coppice::permanent ||
                         (c.restart == coppice::transient && why.is_abnormal());
  if (!is_to_run && next == next_step::restart) {
    fault("restarted against its restart type: " + std::string{c.id});
  }
  if (is_to_run && next == next_step::none) {
    fault("not restarted against its restart type: " + std::string{c.id});
  }
  if (!is_to_run && c.significant && next != next_step::shut_down &&
      ends_with_significant_.contains(std::string{c.supervisor})) {
    fault("goes on without its significant child: " + std::string{c.supervisor});
  }
}

void ledger::check_pause(const coppice::child_ended& e) {
  const auto known = pauses_.find(std::string{e.child.id});
  if (known == pauses_.end() || e.next != coppice::next_step::restart) return;
  const auto ran_for = play_.elapsed() - runs_[e.child.process.number()].began;
  if (ran_for > known->second.reset_after && e.pause > known->second.most) {
    fault("a long run has not shortened the pause: " + known->first);
  }
}

// A parked child is on probation when it is started again: its next failure parks it at once, until
// it has recovered. That is told, unless the child ends at that very moment.
void ledger::check_limit(const coppice::child_info& c, coppice::next_step next, moment decided,
                         std::chrono::nanoseconds ran_for) {
  using coppice::next_step;
  const auto known = limits_.find(std::string{c.id});
  if (known == limits_.end() || (next != next_step::restart && next != next_step::park)) return;
  const auto& [intensity, period] = known->second;
  own_history& own = own_[key_of(c)];
  if (next == next_step::park) {
    const auto may_count = std::ranges::count_if(own.restarts, [&](const moment& m) {
      return decided.earliest - m.latest <= period;
    });
    if (!own.is_parked && static_cast<std::size_t>(may_count) < intensity) {
      fault("parked early: " + known->first);
    }
    own.is_parked = true;
    return;
  }
  if (own.is_parked) {
    if (ran_for < period) fault("restarted while on probation: " + known->first);
    own = {};
  }
  own.restarts.push_back(decided);
  const auto count = std::ranges::count_if(own.restarts, [&](const moment& m) {
    return decided.latest - m.earliest <= period;
  });
  if (static_cast<std::size_t>(count) > intensity) {
    fault("its own limit is exceeded: " + known->first);
  }
}

void ledger::check_gate(const coppice::child_info& c) {
  const auto known = gates_.find(std::string{c.id});
  // Whoever asks for a child by its id gets it in any case.
  if (known == gates_.end() || managed_.contains(known->first)) return;
  if (!coppice::process_ref{play_.io(), known->second}.whereis()) {
    fault("started behind a closed gate: " + known->first);
  }
}

void ledger::note_end(const coppice::child_ended& e) {
  const coppice::child_info& c = e.child;
  const coppice::next_step next = e.next;
  const std::uint64_t number = c.process.number();
  if (!runs_.contains(number)) fault("ended, and had never started: " + std::string{c.id});
  if (!ended_.insert(number).second) fault("ended twice: " + std::string{c.id});
  check_restart_type(c, e.reason, next);
  check_pause(e);
  const auto now = play_.elapsed();
  check_limit(c, next, {now, now}, now - starting_[key_of(c)]);
  if (next == coppice::next_step::restart) note_siblings(c);
  note_failure(c, next);
  const auto known = budgets_.find(std::string{c.supervisor});
  if (known == budgets_.end() || next != coppice::next_step::restart || has_own_terms(c.id)) return;
  note_restart(c, play_.elapsed());
}

void ledger::note_restart(const coppice::child_info& c, std::chrono::nanoseconds at) {
  times& all = histories_[c.supervisor_id.number()].restarts;
  all.insert(std::upper_bound(all.begin(), all.end(), at), at);
  const auto known = budgets_.find(std::string{c.supervisor});
  if (in_window(c, &history::restarts) <= known->second.intensity) return;
  fault("restarted too often: " + known->first + ", within " +
        std::to_string(100 * (play_.elapsed() - all.front()) / known->second.period) +
        " % of its period");
}

void ledger::note_failure(const coppice::child_info& c, coppice::next_step next) {
  using coppice::next_step;
  if ((next != next_step::restart && next != next_step::give_up) || has_own_terms(c.id)) return;
  histories_[c.supervisor_id.number()].failures.push_back(play_.elapsed());
}

// OTP: try_again_restart/1. The next try is a restart of its own, which counts when it comes to it:
// after all that has arrived before, and so before it is known how that try has ended.
void ledger::note_failed_start(const coppice::child_info& c, coppice::next_step next) {
  note_try(c);
  if (next != coppice::next_step::restart) return note_failure(c, next);
  if (has_own_terms(c.id)) return;
  histories_[c.supervisor_id.number()].tries.emplace(c.id, play_.elapsed());
}

// When the budget has paid for a try is not known exactly: not before that start had failed, and by
// now.
void ledger::note_try(const coppice::child_info& c) {
  history& h = histories_[c.supervisor_id.number()];
  const auto tried = h.tries.extract(std::string{c.id});
  if (tried.empty()) return;
  h.failures.push_back(play_.elapsed());
  const auto group = groups_.find(std::string{c.supervisor});
  if (group == groups_.end() || !budgets_.contains(group->first)) return;
  const bool is_alone = group->second.strategy == coppice::one_for_one;
  if (is_alone && !managed_.contains(std::string{c.id})) note_restart(c, tried.mapped());
}

std::size_t ledger::most_failures(const coppice::child_info& c) {
  return in_window(c, &history::failures) + histories_[c.supervisor_id.number()].tries.size();
}

std::size_t ledger::in_window(const coppice::child_info& c, times history::*which) {
  times& all = histories_[c.supervisor_id.number()].*which;
  const auto since = play_.elapsed() - budgets_[std::string{c.supervisor}].period;
  while (!all.empty() && all.front() < since) all.pop_front();
  return all.size();
}

void ledger::check_whole() {
  for (const std::string& role : expected_) {
    if (alive_[role] != 1) fault("the tree is not whole again: " + role);
  }
}

void ledger::check_end() {
  for (const auto& [role, count] : alive_) {
    if (count != 0) fault("still alive: " + role);
  }
  for (const auto& [supervisor, all] : groups_) {
    const std::vector<std::string>& order = all.roles;
    std::vector<std::size_t> places;
    for (const std::string& role : ends_) {
      const auto found = std::find_if(order.begin(), order.end(), [&role](const std::string& id) {
        return is_of(role, id);
      });
      if (found != order.end()) places.push_back(static_cast<std::size_t>(found - order.begin()));
    }
    if (!std::is_sorted(places.rbegin(), places.rend())) {
      fault("not stopped in reverse order: the children of " + supervisor);
    }
  }
  for (const auto& [number, of] : runs_) {
    if (of.ends_heard == 1) continue;
    fault("has not ended once, but " + std::to_string(of.ends_heard) + " times");
  }
}

void ledger::conclude() {
  if (faults_.empty()) return;
  std::string text;
  for (const std::string& f : faults_) text += (text.empty() ? "" : "; ") + f;
  play_.fail(text);
}
