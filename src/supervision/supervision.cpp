#include <coppice/detail/supervision/supervision.hpp>

#include <coppice/detail/base/timer_queue.hpp>

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

// Here is the frame of the decisions: events go into the inbox, and `next` gives the actions that
// follow from them. What follows is decided elsewhere: by the restart rules (restart_rules.cpp), by
// the steps of the jobs (jobs.cpp), and by the rules of stopping (stopping.cpp). Calls are answered
// here, as the handle_call/3 of OTP's supervisor does.

namespace coppice::detail {

supervision::supervision(options o)
    : options_{o},
      window_{{o.intensity, o.period}},
      children_{o.dynamic || o.strategy == strategy::simple_one_for_one} {
  if (options_.strategy == strategy::simple_one_for_one) options_.dynamic = true;
}

namespace {

// Events of these types are children's own, and have their places in the records of these.
bool is_own(const inbox_place& e) noexcept {
  return e.type == inbox_place::event_type::exit || e.type == inbox_place::event_type::retry;
}

// So many actions at most follow at once from the end of a child.
constexpr std::size_t actions_of_an_end = 4;

}  // namespace

supervision::~supervision() {
  while (!inbox_.empty()) {
    auto& e = static_cast<inbox_place&>(*inbox_.front());
    e.unlink();
    if (!is_own(e)) delete static_cast<event*>(&e);
  }
}

void supervision::add_static(child& c) { children_.append(c); }

// The event of a child has been dealt with out of turn, or the child goes. The child waits for no
// start any more.
void supervision::drop_pending(child& c) noexcept {
  if (c.policy != nullptr) {
    if (c.policy->armed()) pauses_.cancel(*c.policy);
    c.policy->stop_waiting();
  }
  c.own_event.unlink();
}

void supervision::forget(child& c) {
  drop_pending(c);
  children_.remove(c);
  emit({.kind = action::kind_type::forget, .subject = &c});
}

void supervision::enqueue_own(child& c, event_type type) noexcept {
  c.own_event.type = type;
  c.own_event.subject = &c;
  inbox_.push_back(c.own_event);
}

supervision::event& supervision::enqueue(event_type type, void* call) {
  auto& e = *new event;
  e.type = type;
  e.call = call;
  inbox_.push_back(e);
  return e;
}

void supervision::enqueue(event_type type, std::string_view id, void* call) {
  auto name = std::make_unique<const std::string>(id);
  enqueue(type, call).id = std::move(name);
}

void supervision::start() { begin({.kind = job_kind::boot, .cursor = children_.first()}); }

// The exit of a child that is being stopped is taken out of turn, as OTP's shutdown/1 receives the
// 'DOWN' message ahead of its queue. Any other exit waits for the job that is under way.
void supervision::ended(child& c, exit_reason reason) {
  c.reason = std::move(reason);
  if (c.state == child_state::stopping) {
    on_down(c);
    return;
  }
  c.ended = true;
  enqueue_own(c, event_type::exit);
}

// The request waits in the inbox like any other. It is noted besides, since a start that is under
// way gets a time limit because of it (`check_deadline`). Without memory for its place it goes
// first.
void supervision::stop(exit_reason reason) noexcept {
  if (!stop_wanted_) stop_wanted_ = reason;
  try {
    enqueue(event_type::stop).reason = std::move(reason);
  } catch (const std::bad_alloc&) {
    stop_is_next_ = true;
  }
}

void supervision::add(child& c, void* call) {
  enqueue(event_type::add, call).subject = &c;
}

void supervision::terminate(std::string_view id, void* call) {
  enqueue(event_type::terminate, id, call);
}

void supervision::terminate(std::uint64_t number, void* call) {
  enqueue(event_type::terminate_number, call).number = number;
}

void supervision::restart_child(std::string_view id, void* call) {
  enqueue(event_type::restart, id, call);
}

void supervision::erase(std::string_view id, void* call) {
  enqueue(event_type::erase, id, call);
}

void supervision::queue(void* call) { enqueue(event_type::serve, call); }

void supervision::withdraw(const void* call) noexcept {
  for (list_hook* at = inbox_.first(); at != nullptr;) {
    auto& e = static_cast<inbox_place&>(*at);
    at = inbox_.after(at);
    if (is_own(e) || static_cast<event&>(e).call != call) continue;
    e.unlink();
    delete static_cast<event*>(&e);
  }
}

bool supervision::adds_now(std::string_view id) {
  if (!is_idle() || !pauses_.empty()) return false;  // the end of a pause may be due
  return options_.dynamic ? children_.size() < options_.max_children
                          : children_.find(id) == nullptr;
}

void supervision::added(child& c, std::uint64_t number) {
  children_.set_number(c, number);
  c.by_request = true;
  set_state(c, child_state::running);
  children_.append(c);
}

std::optional<supervision::action> supervision::next(clock::time_point now) {
  end_pauses(now);
  for (;;) {
    // Actions that are decided come first: the next decision may build on what they bring about.
    if (next_out_ < out_.size()) return std::move(out_[next_out_++]);
    out_.clear();
    next_out_ = 0;
    if (job_.kind == job_kind::finished) return std::nullopt;
    if (waiting()) {
      check_deadline(now);
      if (out_.empty()) return rest();
      continue;
    }
    // A job is finished before the next event is looked at.
    if (job_.kind != job_kind::none) {
      step(now);
    } else if (std::exchange(stop_is_next_, false)) {
      begin_shut_down(*stop_wanted_, cause::asked);
    } else if (!inbox_.empty()) {
      handle_first_event(now);
    } else {
      return rest();
    }
  }
}

// The next event may be the end of a child, which is noted when the child has no memory. So the
// room for what follows is taken before.
std::nullopt_t supervision::rest() {
  out_.reserve(actions_of_an_end);
  return std::nullopt;
}

void supervision::handle_first_event(clock::time_point now) {
  auto& first = static_cast<inbox_place&>(*inbox_.front());
  first.unlink();
  if (first.type == event_type::exit) return handle_exit(*first.subject, now);
  if (first.type == event_type::retry) return handle_retry(*first.subject, now);
  const std::unique_ptr<event> e{static_cast<event*>(&first)};
  handle(*e);
}

std::optional<supervision::clock::time_point> supervision::deadline() const noexcept {
  // Deadlines of parallel stops are latest first, so the last of them is the next one.
  const auto stop = !stop_deadlines_.empty()
                        ? std::optional<clock::time_point>{stop_deadlines_.back().until}
                        : awaited_until_;
  if (pauses_.empty() || (stop && *stop <= pauses_.earliest())) return stop;
  return pauses_.earliest();
}

void supervision::emit_report(action::kind_type kind, child& c, const exit_reason& reason,
                              action::next_type next, clock::duration pause) {
  if (!reporting_) return;
  if (pause == clock::duration::max()) pause = {};  // nobody can tell when it is over
  emit({.kind = kind, .subject = &c, .next = next, .pause = pause, .reason = reason});
}

void supervision::reply(void* call, result r, child* c, exit_reason why) {
  emit({.kind = action::kind_type::reply,
        .subject = c,
        .call = call,
        .answer = r,
        .reason = std::move(why)});
}

void supervision::handle(event& e) {
  switch (e.type) {
    case event_type::exit:
    case event_type::retry: break;  // these are children's own
    case event_type::serve: emit({.kind = action::kind_type::serve, .call = e.call}); break;
    case event_type::stop: begin_shut_down(std::move(e.reason), cause::asked); break;
    case event_type::terminate: handle_terminate(children_.find(*e.id), e.call); break;
    case event_type::terminate_number:
      handle_terminate(children_.find(e.number), e.call);
      break;
    // OTP: start_child/2. An id in use is refused: `already_started` if its child runs, else
    // `already_present`. Ids of dynamic children are labels, and any number may have the same one.
    case event_type::add: {
      child* known = options_.dynamic ? nullptr : children_.find(e.subject->id);
      if (known != nullptr) {
        reply(e.call,
              known->state == child_state::running ? result::already_started
                                                   : result::already_present,
              known);
        emit({.kind = action::kind_type::forget, .subject = e.subject});
      } else if (options_.dynamic && children_.size() >= options_.max_children) {
        reply(e.call, result::max_children);
        emit({.kind = action::kind_type::forget, .subject = e.subject});
      } else {
        begin({.kind = job_kind::add, .subject = e.subject, .call = e.call});
      }
      break;
    }
    case event_type::restart: {
      child* const c = stopped_child(*e.id, e.call);
      if (c == nullptr) break;
      // The siblings that wait with the child start with it. Nobody waits with one that was held
      // back.
      const bool with_group = c->state == child_state::restarting && !restarts_alone() &&
                              !c->policy->is_held_back();
      cancel_restart(*c);
      if (with_group) {
        begin({.kind = job_kind::start_group,
               .subject = c,
               .cursor = &first_of_group(*c),
               .call = e.call});
      } else {
        begin({.kind = job_kind::restart_call, .subject = c, .call = e.call});
      }
      break;
    }
    case event_type::erase: {
      if (child* const c = stopped_child(*e.id, e.call); c != nullptr) {
        cancel_restart(*c);
        reply(e.call, result::ok);
        forget(*c);
      }
      break;
    }
  }
}

// OTP: restart_child/2 and delete_child/2 act on a child that is stopped, and only on such a one. A
// child that is `restarting` is not stopped, because its retry will start it. But one that waits
// by terms of its own, which OTP does not have, may be started before that, or forgotten.
supervision::child* supervision::stopped_child(std::string_view id, void* call) {
  child* const c = children_.find(id);
  if (c == nullptr) {
    reply(call, result::not_found);
  } else if (c->state == child_state::restarting && c->policy == nullptr) {
    reply(call, result::restarting);
  } else if (c->state != child_state::stopped && c->state != child_state::restarting) {
    reply(call, result::running);
  } else {
    return c;
  }
  return nullptr;
}

// The child waits for no restart any more, if it did.
void supervision::cancel_restart(child& c) noexcept {
  if (c.state != child_state::restarting) return;
  drop_pending(c);
  set_state(c, child_state::stopped);
}

void supervision::handle_terminate(child* c, void* call) {
  if (c == nullptr) {
    reply(call, result::not_found);
  } else {
    begin({.kind = job_kind::terminate, .subject = c, .cursor = c, .call = call});
  }
}

}  // namespace coppice::detail
