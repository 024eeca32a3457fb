#include <coppice/detail/supervision/supervision.hpp>

#include <coppice/detail/base/timer_queue.hpp>

#include <cassert>
#include <utility>

// This file carries on the job of a supervisor. A job is a piece of work that takes several steps,
// because a child has to be waited for between two of them: OTP's supervisor blocks in a `receive`
// there, we return to the caller and go on with the next call of `next`. At most one job is under
// way, and the inbox waits for it, as the messages of an OTP supervisor wait while it starts or
// stops a child.
//
// `job_.cursor` is the child that the next step deals with. It is moved on before that child
// may be forgotten.

namespace coppice::detail {

// Takes the next step of the job. Called only while no start and no stop is being awaited.
void supervision::step(clock::time_point now) {
  switch (job_.kind) {
    case job_kind::none:
    case job_kind::finished: break;

    // OTP: start_children/2. The children start in order, each one after its predecessor has
    // acknowledged its start. `start_answered` moves the cursor on.
    case job_kind::boot:
    case job_kind::start_group:
      // Somebody may have started a sibling while the group waited for the end of a pause.
      while (job_.cursor != nullptr && job_.cursor->state != child_state::stopped) {
        job_.cursor = children_.after(*job_.cursor);
      }
      if (job_.cursor != nullptr) {
        ask_start(*job_.cursor, now);
      } else {
        if (job_.kind == job_kind::boot) emit({.kind = action::kind_type::booted});
        finish_job();
      }
      break;

    case job_kind::restart_one:
    case job_kind::add:
    case job_kind::restart_call: ask_start(*job_.subject, now); break;

    // OTP: terminate_children/2 as restart_multiple_children calls it. The group is stopped in
    // reverse start order, one child after another; then the same group is started in order.
    // Temporary siblings are forgotten on the way (`on_stopped`), so they are not started again.
    case job_kind::stop_group: {
      child* const c = job_.cursor;
      if (c == nullptr && job_.pause) {
        begin_pause(*job_.subject, *job_.pause, now);
        finish_job();
        break;
      }
      if (c == nullptr) {
        begin({.kind = job_kind::start_group,
               .subject = job_.subject,
               .cursor = &first_of_group(*job_.subject)});
        break;
      }
      job_.cursor = c == &first_of_group(*job_.subject) ? nullptr : children_.before(*c);
      if (!ask_stop(*c, now)) on_stopped(*c);
      break;
    }

    // OTP: handle_call({terminate_child, Id}). The answer is `ok` for a child that is not running,
    // too.
    case job_kind::terminate: {
      if (job_.cursor != nullptr) {
        child* c = std::exchange(job_.cursor, nullptr);
        if (!ask_stop(*c, now)) on_stopped(*c);
        break;
      }
      reply(job_.call, result::ok, nullptr);
      finish_job();
      break;
    }

    // OTP: terminate/2. Dynamic children have no start order that means anything, so all of them
    // are told at once (terminate_dynamic_children); the others are stopped in reverse start order.
    case job_kind::shut_down: {
      if (options_.dynamic && job_.cursor != nullptr) {
        job_.cursor = nullptr;
        begin_parallel_stop(now);
        break;
      }
      if (job_.cursor != nullptr) {
        child* c = job_.cursor;
        job_.cursor = children_.before(*c);
        if (!ask_stop(*c, now)) on_stopped(*c);
        break;
      }
      emit({.kind = action::kind_type::finished, .reason = job_.reason});
      job_.kind = job_kind::finished;
      break;
    }
  }
}

void supervision::ask_start(child& c, clock::time_point now) {
  if (c.policy != nullptr && c.policy->is_gated() && !is_asked_for(c)) return hold_back(c);
  begin_start(c, now);
  emit({.kind = action::kind_type::start, .subject = &c});
}

// Notes that a start is under way. The caller sees to it that the process is spawned: by the action
// `start`, or at once (`restart_begun`).
void supervision::begin_start(child& c, clock::time_point now) {
  set_state(c, child_state::starting);
  c.had_to_be_killed = false;
  if (c.policy != nullptr) {
    c.policy->begin_start(now, is_asked_for(c));
    if (c.policy->is_on_probation()) pauses_.set(*c.policy, c.policy->end_of_probation());
  }
  c.by_request = job_.kind == job_kind::add || job_.kind == job_kind::restart_call;
  start_limited_ = false;
  is_first_start_ = c.number == 0;
  awaited_ = &c;
  awaited_until_.reset();
  if (!c.start_limit.is_infinity()) awaited_until_ = after(now, c.start_limit.time());
}

// Somebody wants this very child to be started, whatever stands against it.
bool supervision::is_asked_for(const child& c) const noexcept {
  return job_.call != nullptr && job_.kind != job_kind::add && &c == job_.subject;
}

// The job goes on without the child, which starts when its gates are open.
void supervision::hold_back(child& c) {
  c.policy->hold_back();
  set_state(c, child_state::restarting);
  emit_report(action::kind_type::held_back, c);
  if (job_.kind == job_kind::boot || job_.kind == job_kind::start_group) {
    job_.cursor = children_.after(c);
    return;
  }
  if (job_.kind == job_kind::add) {
    reply(job_.call, result::ignored, &c);
    children_.append(c);
  }
  finish_job();
}

void supervision::started(child& c, std::uint64_t number) {
  children_.set_number(c, number);
  set_state(c, child_state::running);
  start_answered(c, result::ok);
}

void supervision::ignored(child& c) {
  set_state(c, child_state::stopped);
  start_answered(c, result::ignored);
}

void supervision::start_failed(child& c, const exit_reason& reason, clock::time_point now) {
  set_state(c, child_state::stopped);
  start_answered(c, result::start_failed, reason, now);
}

void supervision::start_answered(child& c, result r, const exit_reason& why,
                                 clock::time_point now) {
  if (r != result::ok) end_probation(c);
  awaited_ = nullptr;
  awaited_until_.reset();
  const bool failed = r == result::start_failed;
  // A child whose init returned `ignore` stays in the table without a process, so that it can be
  // started by restart_child. A temporary or a dynamic one does not stay: nothing could start it.
  const bool drop = r == result::ignored && is_forgotten(c);

  switch (job_.kind) {
    case job_kind::boot:
      // OTP: init_children/2. The first child that fails ends the whole supervisor; those already
      // started are stopped. If a stop waits in the inbox, the start may have failed because its
      // time was cut short for that (`check_deadline`): the supervisor then ends as it was asked
      // to.
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
      job_.cursor = children_.after(c);
      if (drop) forget(c);
      break;

    // OTP: restart_multiple_children, {try_again, Id}. The children before the one that failed stay
    // up, and those behind it stay down until its retry restarts the group.
    case job_kind::start_group:
      ++c.restarts;
      if (failed) {
        group_failed_at(c, why, now);
        break;
      }
      if (job_.call != nullptr && &c == job_.subject) {
        reply(std::exchange(job_.call, nullptr), r, &c, why);
      }
      job_.cursor = children_.after(c);
      if (drop) forget(c);
      break;

    // OTP: restart(one_for_one, ...). A child that cannot start is not given up: it becomes
    // `restarting` and is tried again, until the budget is exhausted.
    case job_kind::restart_one:
      if (!is_first_start_) ++c.restarts;
      finish_job();
      if (failed) {
        retry_later(c, why, now);
      } else if (drop) {
        forget(c);
      }
      break;

    // OTP: handle_start_child/2. A child enters the table after its start only: no record is left
    // of a start that failed, and none is retried.
    case job_kind::add:
      if (failed) {
        emit_report(action::kind_type::failed_to_start, c, why);
      }
      reply(job_.call, r, &c, why);
      if (failed || drop) {
        forget(c);
      } else {
        children_.append(c);
      }
      finish_job();
      break;

    // OTP: handle_call({restart_child, Id}). The caller hears of a failure, and the child is
    // stopped as before; only restarts that the supervisor makes on its own are retried.
    case job_kind::restart_call:
      if (failed) {
        emit_report(action::kind_type::failed_to_start, c, why);
      }
      reply(job_.call, r, &c, why);
      if (drop) forget(c);
      finish_job();
      break;

    // These jobs start nothing, so no start can be answered while one of them is under way.
    case job_kind::none:
    case job_kind::stop_group:
    case job_kind::terminate:
    case job_kind::shut_down:
    case job_kind::finished: assert(false); break;
  }
}

// A child of the group that is being started has failed.
void supervision::group_failed_at(child& c, const exit_reason& why, clock::time_point now) {
  job rest = std::exchange(job_, {});
  rest.cursor = children_.after(c);
  const bool goes_on = retry_later(c, why, now);
  // Somebody has ended the pause of the subject.
  if (rest.call != nullptr) {
    reply(std::exchange(rest.call, nullptr), result::start_failed, &c, why);
  }
  if (goes_on) begin(std::move(rest));
}

// OTP: try_again_restart/1, a cast of the supervisor to itself. The next try waits in the inbox
// behind everything that has arrived in the meantime, so that a child that never starts cannot keep
// the supervisor from answering calls and from being stopped. A pause begins when its turn has
// come.
//
// Returns true if the child is not tried again, and those behind it start without it.
bool supervision::retry_later(child& c, const exit_reason& why, clock::time_point now) {
  using next = action::next_type;
  constexpr auto kind = action::kind_type::failed_to_start;
  if (c.when == restart::temporary) {
    // It was held back until now, and this was the only start that it has.
    emit_report(kind, c, why);
    forget(c);
    return true;
  }
  const restart_policy::decision own =
      c.policy != nullptr ? c.policy->after_failed_start(now) : restart_policy::decision{};
  switch (own.what) {
    case restart_policy::verdict::restart:
      emit_report(kind, c, why, next::restart, own.pause);
      set_state(c, child_state::restarting);
      enqueue_own(c, event_type::retry);
      break;
    case restart_policy::verdict::park:
      emit_report(kind, c, why, next::park, own.pause);
      begin_pause(c, own.pause, now);
      break;
    case restart_policy::verdict::drop: {
      set_state(c, child_state::restarting);  // the rule takes the child for active
      const bool ends = ends_supervisor(c);
      set_state(c, child_state::stopped);
      emit_report(kind, c, why, ends ? next::shut_down : next::drop);
      if (is_forgotten(c)) forget(c);
      if (!ends) return true;
      begin_shut_down(exit_reason::shutdown(), cause::automatic);
      break;
    }
    case restart_policy::verdict::escalate:
      emit_report(kind, c, why, next::give_up);
      give_up(c);
      break;
  }
  return false;
}

}  // namespace coppice::detail
