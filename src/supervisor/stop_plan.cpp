#include <coppice/stop_plan.hpp>

#include "supervisor_process.hpp"

#include <coppice/detail/base/access.hpp>

#include <cstdio>
#include <stdexcept>

// A stop that has to be over in time. The decisions split the time among the children of one
// supervisor (supervision/stopping.cpp); here it goes from one supervisor to those below it.

namespace coppice {

namespace detail {

namespace {

// The part of its time that a supervisor keeps for itself, in which it ends when the last of its
// children has been killed.
constexpr int reserve = 10;

duration for_children(duration whole) noexcept {
  return whole == duration::max() ? whole : whole - whole / reserve;
}

// Gives the supervisor that the child is, or null.
supervisor_process* supervisor_in(const pid& child) noexcept {
  const process* const p = access::slot(child);
  return p != nullptr ? supervisor_process::of(*p) : nullptr;
}

}  // namespace

void check_whole_stop(time_limit whole) {
  if (whole.time() > duration::zero()) return;
  throw std::invalid_argument{"coppice: the time of a whole stop must be above zero"};
}

duration supervisor_process::needed_to_stop(const supervision::child& c) {
  supervisor_process* const s = supervisor_in(static_cast<const entry&>(c).process);
  if (s == nullptr) return supervision::default_shutdown;
  const duration theirs = s->decide_.time_to_stop(&needed_to_stop);
  return theirs < duration::max() / 2 ? theirs + theirs / (reserve - 1) : theirs;
}

void supervisor_process::limit_stop(time_point until) {
  decide_.limit_stop(until, &needed_to_stop);
  for (supervision::child* c = decide_.children().first(); c != nullptr;
       c = decide_.children().after(*c)) {
    if (c->state == supervision::child_state::stopping) {
      limit_stop_of(static_cast<entry&>(*c), until);
    }
  }
  wake();
}

void supervisor_process::limit_stop_of(entry& c, time_point until) {
  if (until == end_of_time) return;
  const time_point now = home_.now();
  if (supervisor_process* const s = supervisor_in(c.process)) {
    s->limit_stop(after(now, for_children(until - now)));
  }
}

void supervisor_process::plan_stop(std::vector<stop_step>& plan, std::size_t depth,
                                   duration whole) {
  decide_.plan_stop(whole, &needed_to_stop, [&](const supervision::child& c, duration share) {
    const auto& e = static_cast<const entry&>(c);
    plan.push_back({.depth = depth, .id = e.id, .process = e.process, .own = e.how,
                    .at_most = share});
    if (supervisor_process* const s = supervisor_in(e.process)) {
      s->plan_stop(plan, depth + 1, for_children(share));
    }
  });
}

}  // namespace detail

std::vector<stop_step> plan_stop(const supervisor_handle& supervisor, time_limit whole) {
  detail::check_whole_stop(whole);
  const pid process = supervisor.whereis();
  if (detail::scheduler* const home = detail::access::home(process)) {
    home->check_thread("plan_stop");
  }
  std::vector<stop_step> plan;
  if (detail::supervisor_process* const s = detail::supervisor_in(process)) {
    s->plan_stop(plan, 0, whole.time());
  }
  return plan;
}

std::string to_string(const std::vector<stop_step>& plan) {
  std::string text;
  for (const stop_step& s : plan) {
    text.append(2 * s.depth, ' ').append(s.id.empty() ? "a child" : s.id);
    text.append(" ").append(s.process.to_string());
    if (s.at_most.is_infinity()) {
      text += ": no limit\n";
      continue;
    }
    char time[32];
    std::snprintf(time, sizeof time, ": %g s\n",
                  std::chrono::duration<double>{s.at_most.time()}.count());
    text += time;
  }
  return text;
}

}  // namespace coppice
