#include <coppice/supervision.hpp>

#include <coppice/detail/base/timer_queue.hpp>

#include <cassert>
#include <utility>

namespace coppice {

void supervision::step(clock::time_point now) {
  switch (job_.kind) {
    case job_kind::none:
    case job_kind::finished: break;

    case job_kind::boot:
    case job_kind::start_group:
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

    case job_kind::stop_group: {
      child* const c = job_.cursor;
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
  begin_start(c, now);
  emit({.kind = action::kind_type::start, .subject = &c});
}

void supervision::begin_start(child& c, clock::time_point now) {
  set_state(c, child_state::starting);
  c.had_to_be_killed = false;
  c.by_request = job_.kind == job_kind::add || job_.kind == job_kind::restart_call;
  start_limited_ = false;
  awaited_ = &c;
  awaited_until_.reset();
  if (c.start_limit) awaited_until_ = detail::after(now, *c.start_limit);
}

void supervision::started(child& c, std::uint64_t number) {
  children_.set_number(c, number);
  set_state(c, child_state::running);
  start_answered(c, result::ok, {});
}

void supervision::ignored(child& c) {
  set_state(c, child_state::stopped);
  start_answered(c, result::ignored, {});
}

void supervision::start_failed(child& c, const exit_reason& reason) {
  set_state(c, child_state::stopped);
  start_answered(c, result::start_failed, reason);
}

void supervision::start_answered(child& c, result r, const exit_reason& why) {
  awaited_ = nullptr;
  awaited_until_.reset();
  const bool failed = r == result::start_failed;
  const bool drop = r == result::ignored && (c.when == restart::temporary || options_.dynamic);

  switch (job_.kind) {
    case job_kind::boot:
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

    case job_kind::start_group:
      ++c.restarts;
      if (failed) {
        emit_report(action::kind_type::failed_to_start, c, why, action::next_type::restart);
        retry_later(c);
        finish_job();
        break;
      }
      job_.cursor = children_.after(c);
      if (drop) forget(c);
      break;

    case job_kind::restart_one:
      ++c.restarts;
      if (failed) {
        emit_report(action::kind_type::failed_to_start, c, why, action::next_type::restart);
        retry_later(c);
      } else if (drop) {
        forget(c);
      }
      finish_job();
      break;

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

    case job_kind::restart_call:
      if (failed) {
        emit_report(action::kind_type::failed_to_start, c, why);
      }
      reply(job_.call, r, &c, why);
      if (drop) forget(c);
      finish_job();
      break;

    case job_kind::none:
    case job_kind::stop_group:
    case job_kind::terminate:
    case job_kind::shut_down:
    case job_kind::finished: assert(false); break;
  }
}

// The next try waits behind whatever has arrived in the meantime.
void supervision::retry_later(child& c) {
  set_state(c, child_state::restarting);
  c.pending = &enqueue({.kind = event::kind_type::retry, .subject = &c});
}

}  // namespace coppice
