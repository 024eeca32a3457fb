#include <coppice/supervision.hpp>

#include <coppice/detail/base/timer_queue.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace coppice {

namespace {

supervision::child* as_child(detail::list_hook* hook) noexcept {
  return static_cast<supervision::child*>(hook);
}

// What a worker has for stopping unless its spec says otherwise.
constexpr std::chrono::seconds default_shutdown{5};

bool wants_restart(const supervision::child& c, const exit_reason& why) noexcept {
  return c.when == restart::permanent || (c.when == restart::transient && why.is_abnormal());
}

// Not even without any time is a child killed before it could hear that it was asked.
supervision::clock::duration time_to_stop(const supervision::child& c) noexcept {
  return std::max(c.how.time(), supervision::clock::duration{1});
}

}  // namespace

supervision::supervision(options o) : options_{o}, budget_{o.intensity} {
  if (options_.strategy == strategy::simple_one_for_one) options_.dynamic = true;
}

supervision::~supervision() {
  while (!children_.empty()) children_.front()->unlink();
}

void supervision::add_static(child& c) {
  children_.push_back(c);
  ++size_;
  by_id_.emplace(c.id, &c);
}

// ---- What is the case

supervision::child* supervision::find(std::string_view id) noexcept {
  const auto found = by_id_.find(id);
  return found != by_id_.end() ? found->second : nullptr;
}

supervision::child* supervision::find(std::uint64_t number) noexcept {
  const auto found = by_number_.find(number);
  return found != by_number_.end() ? found->second : nullptr;
}

supervision::child* supervision::first() noexcept {
  return children_.empty() ? nullptr : as_child(children_.front());
}

supervision::child* supervision::after(child& c) noexcept { return as_child(children_.after(&c)); }

void supervision::set_state(child& c, child_state s) noexcept {
  if (c.significant) {
    active_significant_ -= c.state != child_state::stopped ? 1 : 0;
    active_significant_ += s != child_state::stopped ? 1 : 0;
  }
  c.state = s;
}

void supervision::unindex(child& c) noexcept {
  if (options_.dynamic) {
    by_number_.erase(c.number);
  } else if (const auto found = by_id_.find(c.id); found != by_id_.end() && found->second == &c) {
    by_id_.erase(found);
  }
}

void supervision::drop_pending(child& c) noexcept {
  if (c.pending == nullptr) return;
  event& e = *std::exchange(c.pending, nullptr);
  e.kind = event::kind_type::nothing;
  e.subject = nullptr;  // which may be gone when the turn comes
}

void supervision::forget(child& c) {
  drop_pending(c);
  set_state(c, child_state::stopped);
  unindex(c);
  if (!c.empty()) {
    c.unlink();
    --size_;
  }
  emit({.kind = action::kind_type::forget, .subject = &c});
}

// ---- Events

supervision::event& supervision::enqueue(event e) {
  inbox_.push_back(std::move(e));
  return inbox_.back();
}

void supervision::start() { begin({.kind = task_kind::boot, .cursor = first()}); }

void supervision::ended(child& c, exit_reason reason) {
  c.reason = std::move(reason);
  if (c.state == child_state::stopping) {
    is_down(c);
    return;
  }
  c.ended = true;
  c.pending = &enqueue({.kind = event::kind_type::exit, .subject = &c});
}

bool supervision::restarts_at_once(child& c, const exit_reason& reason, clock::time_point now) {
  const bool idle = task_.kind == task_kind::none && inbox_.empty() && next_out_ == out_.size();
  if (!idle || reporting_ || !restarts_alone() || c.state != child_state::running) return false;
  if (!wants_restart(c, reason) || !budget_.spend(now)) return false;
  ++c.restarts;
  c.by_request = false;
  return true;
}

void supervision::restarted(child& c, std::uint64_t number) { set_number(c, number); }

void supervision::set_number(child& c, std::uint64_t number) {
  if (options_.dynamic) find_by(number, c);
  c.number = number;
}

void supervision::find_by(std::uint64_t number, child& c) {
  by_number_.erase(c.number);
  by_number_.emplace(number, &c);
}

void supervision::stop(exit_reason reason) {
  if (!stop_wanted_) stop_wanted_ = reason;
  enqueue({.kind = event::kind_type::stop, .reason = std::move(reason)});
}

void supervision::add(child& c, void* call) {
  enqueue({.kind = event::kind_type::add, .subject = &c, .call = call});
}

void supervision::terminate(std::string_view id, void* call) {
  enqueue({.kind = event::kind_type::terminate,
           .call = call,
           .id = std::make_unique<const std::string>(id)});
}

void supervision::terminate(std::uint64_t number, void* call) {
  enqueue({.kind = event::kind_type::terminate_number, .call = call, .number = number});
}

void supervision::restart_child(std::string_view id, void* call) {
  enqueue({.kind = event::kind_type::restart,
           .call = call,
           .id = std::make_unique<const std::string>(id)});
}

void supervision::erase(std::string_view id, void* call) {
  enqueue({.kind = event::kind_type::erase,
           .call = call,
           .id = std::make_unique<const std::string>(id)});
}

void supervision::queue(void* call) { enqueue({.kind = event::kind_type::serve, .call = call}); }

// ---- Actions

std::optional<supervision::action> supervision::next(clock::time_point now) {
  for (;;) {
    if (next_out_ < out_.size()) return std::move(out_[next_out_++]);
    out_.clear();
    next_out_ = 0;
    if (task_.kind == task_kind::finished) return std::nullopt;
    check_deadline(now);
    if (!out_.empty()) continue;
    if (waiting()) return std::nullopt;
    if (task_.kind != task_kind::none) {
      step(now);
    } else if (!inbox_.empty()) {
      event e = std::move(inbox_.front());
      if (e.subject != nullptr && e.subject->pending == &inbox_.front())
        e.subject->pending = nullptr;
      inbox_.pop_front();
      handle(e, now);
    } else {
      return std::nullopt;
    }
  }
}

std::optional<supervision::clock::time_point> supervision::deadline() const noexcept {
  if (!batches_.empty()) return batches_.back().until;
  return awaited_until_;
}

void supervision::emit_report(action::kind_type kind, child& c, const exit_reason& reason,
                              action::next_type next) {
  if (reporting_) emit({.kind = kind, .subject = &c, .next = next, .reason = reason});
}

void supervision::reply(void* call, result r, child* c, exit_reason why) {
  emit({.kind = action::kind_type::reply,
        .subject = c,
        .call = call,
        .answer = r,
        .reason = std::move(why)});
}

void supervision::handle(event& e, clock::time_point now) {
  switch (e.kind) {
    case event::kind_type::nothing: break;
    case event::kind_type::exit: handle_exit(*e.subject, now); break;
    case event::kind_type::retry: handle_retry(*e.subject, now); break;
    case event::kind_type::serve: emit({.kind = action::kind_type::serve, .call = e.call}); break;
    case event::kind_type::stop: begin_shut_down(std::move(e.reason), cause::asked); break;
    case event::kind_type::terminate: handle_terminate(find(*e.id), e.call); break;
    case event::kind_type::terminate_number: handle_terminate(find(e.number), e.call); break;
    case event::kind_type::add: {
      child* known = options_.dynamic ? nullptr : find(e.subject->id);
      if (known != nullptr) {
        reply(e.call,
              known->state == child_state::running ? result::already_started
                                                   : result::already_present,
              known);
        emit({.kind = action::kind_type::forget, .subject = e.subject});
      } else if (options_.dynamic && size_ >= options_.max_children) {
        reply(e.call, result::max_children);
        emit({.kind = action::kind_type::forget, .subject = e.subject});
      } else {
        begin({.kind = task_kind::add, .subject = e.subject, .call = e.call});
      }
      break;
    }
    case event::kind_type::restart: {
      child* c = find(*e.id);
      if (c == nullptr) {
        reply(e.call, result::not_found);
      } else if (c->state == child_state::restarting) {
        reply(e.call, result::restarting);
      } else if (c->state != child_state::stopped) {
        reply(e.call, result::running);
      } else {
        begin({.kind = task_kind::restart_call, .subject = c, .call = e.call});
      }
      break;
    }
    case event::kind_type::erase: {
      child* c = find(*e.id);
      if (c == nullptr) {
        reply(e.call, result::not_found);
      } else if (c->state == child_state::restarting) {
        reply(e.call, result::restarting);
      } else if (c->state != child_state::stopped) {
        reply(e.call, result::running);
      } else {
        reply(e.call, result::ok);
        forget(*c);
      }
      break;
    }
  }
}

void supervision::handle_terminate(child* c, void* call) {
  if (c == nullptr) {
    reply(call, result::not_found);
  } else {
    begin({.kind = task_kind::terminate, .subject = c, .cursor = c, .call = call});
  }
}

void supervision::handle_exit(child& c, clock::time_point now) {
  c.ended = false;
  const exit_reason why = std::exchange(c.reason, {});
  set_state(c, child_state::stopped);
  if (wants_restart(c, why)) {
    restart_for(c, now, why, false);
    return;
  }
  const bool automatic =
      c.significant &&
      (options_.automatic == auto_shutdown::any_significant ||
       (options_.automatic == auto_shutdown::all_significant && active_significant_ == 0));
  emit_report(action::kind_type::has_ended, c, why,
              automatic ? action::next_type::shut_down : action::next_type::none);
  if (c.when == restart::temporary || options_.dynamic) forget(c);
  if (automatic) begin_shut_down(exit_reason::shutdown(), cause::automatic);
}

void supervision::handle_retry(child& c, clock::time_point now) { restart_for(c, now, {}, true); }

// Counts first, compares afterwards; a retry counts as the first try does.
void supervision::restart_for(child& c, clock::time_point now, const exit_reason& why,
                              bool retry) {
  const bool forgiven = budget_.spend(now);
  if (!retry) {
    emit_report(action::kind_type::has_ended, c, why,
                forgiven ? action::next_type::restart : action::next_type::give_up);
  }
  if (!forgiven) {
    emit_report(action::kind_type::exhausted, c);
    set_state(c, child_state::stopped);
    begin_shut_down(exit_reason::shutdown(), cause::gave_up);
    return;
  }
  if (restarts_alone()) {
    begin({.kind = task_kind::restart_one, .subject = &c});
  } else {
    begin_group(c);
  }
}

void supervision::begin_group(child& c) {
  set_state(c, child_state::stopped);
  begin({.kind = task_kind::stop_group, .subject = &c, .cursor = as_child(children_.back())});
}

void supervision::begin_shut_down(exit_reason reason, cause why) {
  cause_ = why;
  begin({.kind = task_kind::shut_down,
         .cursor = children_.empty() ? nullptr : as_child(children_.back()),
         .reason = std::move(reason)});
  for (child* c = first(); c != nullptr; c = after(*c)) {
    if (c->state == child_state::running && !c->ended) ++stopped_at_end_;
  }
}

// ---- The task at hand, one step further; called when nothing is awaited

void supervision::step(clock::time_point now) {
  switch (task_.kind) {
    case task_kind::none:
    case task_kind::finished: break;

    case task_kind::boot:
    case task_kind::start_group:
      if (task_.cursor != nullptr) {
        ask_start(*task_.cursor, now);
      } else {
        if (task_.kind == task_kind::boot) emit({.kind = action::kind_type::booted});
        idle();
      }
      break;

    case task_kind::restart_one:
    case task_kind::add:
    case task_kind::restart_call: ask_start(*task_.subject, now); break;

    case task_kind::stop_group: {
      const bool all = options_.strategy == strategy::one_for_all;
      child* c = task_.cursor;
      if (c == nullptr || (!all && c == task_.subject)) {
        begin({.kind = task_kind::start_group,
               .subject = task_.subject,
               .cursor = all ? first() : task_.subject});
        break;
      }
      task_.cursor = as_child(children_.before(c));
      if (!ask_stop(*c, now)) answered(*c);
      break;
    }

    case task_kind::terminate: {
      if (task_.cursor != nullptr) {
        child* c = std::exchange(task_.cursor, nullptr);
        if (!ask_stop(*c, now)) answered(*c);
        break;
      }
      reply(task_.call, result::ok, nullptr);
      idle();
      break;
    }

    case task_kind::shut_down: {
      if (options_.dynamic && task_.cursor != nullptr) {
        task_.cursor = nullptr;
        begin_parallel_stop(now);
        break;
      }
      if (task_.cursor != nullptr) {
        child* c = task_.cursor;
        task_.cursor = as_child(children_.before(c));
        if (!ask_stop(*c, now)) answered(*c);
        break;
      }
      emit({.kind = action::kind_type::finished, .reason = task_.reason});
      task_.kind = task_kind::finished;
      break;
    }
  }
}

// ---- Starting one child

void supervision::ask_start(child& c, clock::time_point now) {
  set_state(c, child_state::starting);
  c.had_to_be_killed = false;
  c.by_request = task_.kind == task_kind::add || task_.kind == task_kind::restart_call;
  start_limited_ = false;
  awaited_ = &c;
  awaited_until_.reset();
  if (c.start_limit) awaited_until_ = detail::after(now, *c.start_limit);
  emit({.kind = action::kind_type::start, .subject = &c});
}

void supervision::started(child& c, std::uint64_t number) {
  set_number(c, number);
  set_state(c, child_state::running);
  start_answered(c, result::ok, {});
}

void supervision::ignored(child& c) {
  set_state(c, child_state::stopped);
  start_answered(c, result::ignored, {});
}

void supervision::start_failed(child& c, exit_reason reason) {
  set_state(c, child_state::stopped);
  start_answered(c, result::start_failed, std::move(reason));
}

void supervision::start_answered(child& c, result r, exit_reason why) {
  awaited_ = nullptr;
  awaited_until_.reset();
  const bool failed = r == result::start_failed;
  const bool drop = r == result::ignored && (c.when == restart::temporary || options_.dynamic);

  if (r == result::ok) emit_report(action::kind_type::is_up, c);

  switch (task_.kind) {
    case task_kind::boot:
      if (failed) {
        emit_report(action::kind_type::failed_to_start, c, why, action::next_type::shut_down);
        if (!stop_wanted_) {
          begin_shut_down(
              exit_reason::shutdown("failed to start child " + c.id + " (" + why.to_string() + ")"),
              cause::start_failed);
        } else {
          begin_shut_down(*stop_wanted_, cause::asked);
        }
        break;
      }
      task_.cursor = after(c);
      if (drop) forget(c);
      break;

    case task_kind::start_group:
      ++c.restarts;
      if (failed) {
        emit_report(action::kind_type::failed_to_start, c, why, action::next_type::restart);
        retry_later(c);
        idle();
        break;
      }
      task_.cursor = after(c);
      if (drop) forget(c);
      break;

    case task_kind::restart_one:
      ++c.restarts;
      if (failed) {
        emit_report(action::kind_type::failed_to_start, c, why, action::next_type::restart);
        retry_later(c);
      } else if (drop) {
        forget(c);
      }
      idle();
      break;

    case task_kind::add:
      if (failed) {
        emit_report(action::kind_type::failed_to_start, c, why);
      }
      reply(task_.call, r, &c, std::move(why));
      if (failed || drop) {
        forget(c);
      } else {
        children_.push_back(c);
        ++size_;
        if (!options_.dynamic) by_id_.emplace(c.id, &c);
      }
      idle();
      break;

    case task_kind::restart_call:
      if (failed) {
        emit_report(action::kind_type::failed_to_start, c, why);
      }
      reply(task_.call, r, &c, std::move(why));
      if (drop) forget(c);
      idle();
      break;

    case task_kind::none:
    case task_kind::stop_group:
    case task_kind::terminate:
    case task_kind::shut_down:
    case task_kind::finished: assert(false); break;
  }
}

// The next try waits behind whatever has arrived in the meantime.
void supervision::retry_later(child& c) {
  set_state(c, child_state::restarting);
  c.pending = &enqueue({.kind = event::kind_type::retry, .subject = &c});
}

// ---- Stopping one child

bool supervision::ask_stop(child& c, clock::time_point now) {
  if (c.state == child_state::restarting) {
    drop_pending(c);
    set_state(c, child_state::stopped);
    return false;
  }
  if (c.state != child_state::running) return false;
  if (c.ended) {
    // It died a moment ago, by itself: that is how it ended, and this is where it is dealt with.
    drop_pending(c);
    c.ended = false;
    account_stop(c, c.reason);
    return false;
  }
  set_state(c, child_state::stopping);
  c.had_to_be_killed = false;
  awaited_ = &c;
  awaited_until_.reset();
  if (c.how.is_brutal_kill()) {
    emit({.kind = action::kind_type::kill, .subject = &c});
    return true;
  }
  if (c.how.is_timed()) awaited_until_ = detail::after(now, time_to_stop(c));
  emit({.kind = action::kind_type::stop, .subject = &c});
  return true;
}

void supervision::is_down(child& c) {
  account_stop(c, c.reason);
  if (awaited_ == &c) {
    awaited_ = nullptr;
    awaited_until_.reset();
  } else {
    --pending_stops_;
    if (pending_stops_ == 0) batches_.clear();
  }
  answered(c);
}

// A child that was to stop is down.
void supervision::answered(child& c) {
  set_state(c, child_state::stopped);
  c.reason = {};
  if (c.when == restart::temporary || options_.dynamic || task_.kind == task_kind::shut_down) {
    forget(c);
  }
}

void supervision::account_stop(child& c, const exit_reason& reason) {
  if (c.had_to_be_killed && task_.kind == task_kind::shut_down) ++killed_at_end_;
  const bool as_asked = c.how.is_brutal_kill() ? reason.kind() == exit_reason::kind_type::killed
                                               : reason.is_shutdown() && reason.note().empty();
  const bool fine_too = c.when != restart::permanent && !reason.is_abnormal();
  if ((as_asked || fine_too) && !c.had_to_be_killed) return;
  emit_report(action::kind_type::stopped_badly, c, reason);
}

// All are told at once; those with the same shutdown time share a deadline.
void supervision::begin_parallel_stop(clock::time_point now) {
  for (child* c = first(); c != nullptr;) {
    child* const following = after(*c);
    if (ask_stop(*c, now)) {
      awaited_ = nullptr;
      awaited_until_.reset();
      ++pending_stops_;
      if (c->how.is_timed()) {
        const batch b{detail::after(now, time_to_stop(*c)), c->how.time()};
        const auto at =
            std::lower_bound(batches_.begin(), batches_.end(), b,
                             [](const batch& x, const batch& y) { return x.time > y.time; });
        if (at == batches_.end() || at->time != b.time) batches_.insert(at, b);
      }
    } else {
      answered(*c);
    }
    c = following;
  }
}

void supervision::check_deadline(clock::time_point now) {
  while (!batches_.empty() && batches_.back().until <= now) {
    const clock::duration time = batches_.back().time;
    batches_.pop_back();
    for (child* c = first(); c != nullptr; c = after(*c)) {
      if (c->state != child_state::stopping || !c->how.is_timed() || c->how.time() != time)
        continue;
      c->had_to_be_killed = true;
      emit({.kind = action::kind_type::kill, .subject = c});
    }
  }
  if (awaited_ == nullptr) return;
  const bool starts = awaited_->state == child_state::starting && !awaited_->had_to_be_killed;
  if (stop_wanted_ && starts && !start_limited_) {
    // Whoever stops the supervisor waits for a start that is under way, but not for ever: it has
    // the time from now on that the child has for stopping, and no more than its start limit.
    start_limited_ = true;
    const shutdown how =
        awaited_->how.is_brutal_kill() ? shutdown{default_shutdown} : awaited_->how;
    if (how.is_timed()) {
      const clock::time_point until =
          detail::after(now, std::max(how.time(), clock::duration{1}));
      awaited_until_ = std::min(awaited_until_.value_or(until), until);
    }
  }
  if (!awaited_until_ || *awaited_until_ > now) return;
  awaited_until_.reset();
  awaited_->had_to_be_killed = true;
  emit({.kind = action::kind_type::kill, .subject = awaited_});
}

}  // namespace coppice
