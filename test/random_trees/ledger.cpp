#include "ledger.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

namespace {

// A child with terms of its own spends the budget of its supervisor only if these say so; none here
// do.
bool has_own_terms(std::string_view id) { return id.find("+own") != std::string_view::npos; }

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

void ledger::check_call(std::chrono::nanoseconds took, std::chrono::nanoseconds limit) {
  if (took > limit) fault("a call was not answered within its limit");
}

void ledger::counted(const std::string& counter, int before, int value) {
  int& last = counters_[counter];
  if (value <= before) {
    fault("a counter went back: " + counter + " from " + std::to_string(before) + " to " +
          std::to_string(value));
  }
  last = std::max(last, value);
}

void ledger::take(const coppice::report& r) {
  std::visit(
      [this](const auto& what) {
        using type = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<type, coppice::child_started>) {
          note_start(what.child);
        } else if constexpr (std::is_same_v<type, coppice::child_ended>) {
          note_end(what.child, what.next);
        } else if constexpr (std::is_same_v<type, coppice::child_start_failed>) {
          note_failure(what.child, what.next);
        } else if constexpr (std::is_same_v<type, coppice::budget_exhausted>) {
          const auto known = budgets_.find(std::string{what.child.supervisor});
          if (known != budgets_.end() && !has_own_terms(what.child.id) &&
              in_window(what.child, &history::failures) <= known->second.intensity) {
            fault("gave up early: " + known->first);
          }
        } else if constexpr (std::is_same_v<type, coppice::process_abandoned>) {
          fault("a process cannot be killed");
        } else if constexpr (std::is_same_v<type, coppice::reports_lost>) {
          fault("reports were lost");
        }
      },
      r);
}

void ledger::note_start(const coppice::child_info& c) {
  if (!started_.insert(c.process.number()).second) fault("started twice: " + std::string{c.id});
}

void ledger::note_end(const coppice::child_info& c, coppice::next_step next) {
  const std::uint64_t number = c.process.number();
  if (!started_.contains(number)) fault("ended, and had never started: " + std::string{c.id});
  if (!ended_.insert(number).second) fault("ended twice: " + std::string{c.id});
  note_failure(c, next);
  const auto known = budgets_.find(std::string{c.supervisor});
  if (known == budgets_.end() || next != coppice::next_step::restart || has_own_terms(c.id)) return;
  histories_[c.supervisor_id.number()].restarts.push_back(play_.elapsed());
  if (in_window(c, &history::restarts) > known->second.intensity) {
    fault("restarted too often: " + known->first);
  }
}

void ledger::note_failure(const coppice::child_info& c, coppice::next_step next) {
  using coppice::next_step;
  if ((next != next_step::restart && next != next_step::give_up) || has_own_terms(c.id)) return;
  histories_[c.supervisor_id.number()].failures.push_back(play_.elapsed());
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
  for (const std::vector<std::string>& order : orders_) {
    std::vector<std::size_t> places;
    for (const std::string& role : ends_) {
      const auto found = std::find(order.begin(), order.end(), role);
      if (found != order.end()) places.push_back(static_cast<std::size_t>(found - order.begin()));
    }
    if (!std::is_sorted(places.rbegin(), places.rend())) {
      fault("not stopped in reverse order: the children of which the first is " + order.front());
    }
  }
  for (const std::uint64_t number : ended_) started_.erase(number);
}

void ledger::conclude() {
  if (faults_.empty()) return;
  std::string text;
  for (const std::string& f : faults_) text += (text.empty() ? "" : "; ") + f;
  play_.fail(text);
}
