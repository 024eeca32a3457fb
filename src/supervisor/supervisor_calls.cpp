#include "supervisor_process.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/supervisor/supervisor_request.hpp>
#include <coppice/error.hpp>
#include <coppice/name.hpp>

#include "base/exception_cast.hpp"

#include <boost/asio/error.hpp>

#include <exception>
#include <memory>
#include <string>
#include <utility>

// The calls of a supervisor's users. A request is taken at once (`take`), and becomes an event of
// the decisions; it is answered in its turn, in order of arrival: `answer` completes those that the
// decisions answer, `serve` those that only look at the children and therefore had to wait for
// everything asked before. OTP: handle_call/3.

namespace coppice::detail {

namespace {

errc to_errc(supervision::result r) noexcept {
  switch (r) {
    case supervision::result::ok:
    case supervision::result::ignored: break;
    case supervision::result::not_found: return errc::not_found;
    case supervision::result::already_started: return errc::already_started;
    case supervision::result::already_present: return errc::already_present;
    case supervision::result::running: return errc::running;
    case supervision::result::restarting: return errc::restarting;
    case supervision::result::start_failed: return errc::start_failed;
    case supervision::result::max_children: return errc::max_children;
  }
  return errc{};
}

}  // namespace

// A caller within a child that the supervisor waits for would wait for the supervisor, and that one
// for the caller. OTP's callers hang there; ours get `would_deadlock`. The way up from the caller
// passes through the one child of this supervisor in whose subtree the caller is.
bool supervisor_process::waits_for(process& caller) const noexcept {
  for (process* p = &caller; p != nullptr; p = p->parent()) {
    if (p->parent() != &self_) continue;
    const auto& c = *static_cast<const entry*>(p->tag);
    return c.state == supervision::child_state::starting ||
           c.state == supervision::child_state::stopping;
  }
  return false;
}

void supervisor_process::take(const std::shared_ptr<supervisor_request>& r) {
  // The request owns itself while it is under way: the caller may drop it, and what it asks for is
  // still done.
  r->self = r;
  requests_.push_back(*r);
  try {
    note_request(*r);
  } catch (...) {
    // The one who asks gets the exception.
    decide_.withdraw(r.get());
    r->unlink();
    r->self.reset();
    throw;
  }
  wake();
}

void supervisor_process::note_request(supervisor_request& r) {
  using kind = supervisor_request::kind_type;
  const bool by_id = r.kind == kind::terminate || r.kind == kind::restart ||
                     r.kind == kind::erase || r.kind == kind::which_one;
  // OTP: the children of a simple_one_for_one supervisor have no ids; it answers such calls so.
  if (by_id && setup_.from_template) {
    finish(r, errc::simple_one_for_one);
    return;
  }
  if (drain_ != nullptr && r.asks_for_child()) return finish(r, errc::draining);
  switch (r.kind) {
    case kind::add_dynamic:
      if (!setup_.options.dynamic) {
        finish(r, errc::wrong_type);
        break;
      }
      [[fallthrough]];
    case kind::add:
    case kind::add_argument: add(r); break;
    case kind::terminate: decide_.terminate(r.id, &r); break;
    case kind::terminate_process: decide_.terminate(r.process.number(), &r); break;
    case kind::restart: decide_.restart_child(r.id, &r); break;
    case kind::erase: decide_.erase(r.id, &r); break;
    case kind::resize: resize(static_cast<resize_request&>(r)); break;
    case kind::ready:
    case kind::which:
    case kind::which_one:
    case kind::which_process:
    case kind::count:
    case kind::spec: decide_.queue(&r); break;
  }
}

// Makes the record of the child before the decisions are asked: they may refuse it, and then say
// `forget`. Static children keep a copy of their spec, which get_child_spec returns; dynamic ones
// cannot be asked for it.
void supervisor_process::add(supervisor_request& r) {
  entry* c = nullptr;
  if (r.kind != supervisor_request::kind_type::add_argument) {
    if (setup_.from_template) {
      r.reason = exit_reason::error("a simple_one_for_one supervisor starts its template only");
    } else if (r.added->significant && setup_.options.automatic == auto_shutdown::never) {
      r.reason = exit_reason::error(
          "a significant child needs a supervisor whose auto_shutdown is not never");
    } else {
      const auto origin =
          setup_.options.dynamic ? nullptr : std::make_shared<child_spec>(*r.added);
      c = &make_entry(*r.added, std::move(r.added->id), origin);
      r.added.reset();
      // A temporary child is started once: what its callable captured goes with its process.
      if (origin && c->when == restart::temporary) origin->start = {};
    }
  } else if (!setup_.from_template) {
    r.reason = exit_reason::error("only a simple_one_for_one supervisor has a template");
  } else {
    const child_spec& origin = setup_.children.front();
    // The template may not take an argument of this type, and the user's types may throw when
    // copied.
    try {
      body_ptr start = access::is_template(origin.start)
                           ? access::with_argument(origin.start, r.argument)
                           : access::get_body(origin.start);
      c = &make_entry(origin, origin.id, nullptr);
      c->start = std::move(start);
    } catch (...) {
      r.reason = exit_reason::error(std::current_exception());
    }
  }
  if (c != nullptr) {
    r.subject = c;
    try {
      decide_.add(*c, &r);
    } catch (...) {
      r.subject = nullptr;
      delete c;
      throw;
    }
  } else {
    finish(r, errc::start_failed);
  }
}

void supervisor_process::answer(supervision::action& a) {
  auto& r = *static_cast<supervisor_request*>(a.call);
  auto* const c = static_cast<entry*>(a.subject);
  if (r.kind == supervisor_request::kind_type::resize) {
    // This answers one of the calls of a resize. An error other than a failed start means that the
    // partition is up, or down, already, or that it is missing, which `resized` finds.
    if (a.answer == supervision::result::start_failed) r.error = errc::start_failed;
    return;
  }
  if (a.answer == supervision::result::ok || a.answer == supervision::result::ignored) {
    if (c != nullptr) r.started = {c->process, std::move(c->info)};
    finish(r, {});
    return;
  }
  boost::system::error_code ec = to_errc(a.answer);
  r.reason = std::move(a.reason);
  if (c != nullptr && a.answer == supervision::result::already_started) {
    r.started.process = c->process;
  } else if (const auto failure = r.reason.exception(); c != nullptr && failure) {
    // OTP: a child whose name a stranger has answers {already_started, Pid} with the stranger's
    // pid.
    const auto* taken = exception_cast<name_taken>(failure);
    if (taken != nullptr && taken->holder() && taken->holder() != c->process) {
      r.started.process = taken->holder();
      ec = errc::already_started;
    }
  }
  finish(r, ec);
}

void supervisor_process::serve(supervisor_request& r) {
  using kind = supervisor_request::kind_type;
  boost::system::error_code ec;
  switch (r.kind) {
    case kind::which:
      r.listing.reserve(decide_.children().size());
      for (supervision::child* at = decide_.children().first(); at != nullptr;
           at = decide_.children().after(*at)) {
        r.listing.push_back(list(static_cast<const entry&>(*at)));
      }
      break;
    case kind::which_one:
      if (auto* c = static_cast<entry*>(decide_.children().find(r.id)); c != nullptr) {
        r.listing.push_back(list(*c));
      } else {
        ec = errc::not_found;
      }
      break;
    case kind::which_process:
      if (auto* c = static_cast<entry*>(decide_.children().find(r.process.number()));
          c != nullptr && access::home(r.process) == &home_) {
        r.listing.push_back(list(*c));
      } else {
        ec = errc::not_found;
      }
      break;
    case kind::count:
      for (supervision::child* at = decide_.children().first(); at != nullptr;
           at = decide_.children().after(*at)) {
        const auto& c = static_cast<const entry&>(*at);
        ++r.counts.specs;
        if (c.process.alive()) ++r.counts.active;
        ++(c.type == child_type::supervisor ? r.counts.supervisors : r.counts.workers);
        if (c.is_parked()) ++r.counts.parked;
      }
      if (setup_.from_template) r.counts.specs = 1;
      break;
    case kind::spec:
      if (auto* c = static_cast<entry*>(decide_.children().find(r.id)); c != nullptr) {
        r.added = *c->origin;
        // The defaults are filled in, as OTP's get_childspec/2 does.
        r.added->shutdown = c->how;
        if (c->when == restart::temporary) r.added->start = {};
      } else {
        ec = errc::not_found;
      }
      break;
    case kind::resize:
      resized(static_cast<resize_request&>(r));
      ec = r.error;
      break;
    // A queued `ready` has its turn after the static children are up: that is all it asks.
    case kind::ready:
    case kind::add:
    case kind::add_dynamic:
    case kind::add_argument:
    case kind::terminate:
    case kind::terminate_process:
    case kind::restart:
    case kind::erase: break;
  }
  finish(r, ec);
}

child_entry supervisor_process::list(const entry& c) {
  const bool up = c.state == supervision::child_state::running;
  return {.id = c.id,
          .process = up ? c.process : pid{},
          .restarting = c.state == supervision::child_state::restarting,
          .type = c.type,
          .restarts = c.restarts,
          .parked = c.is_parked()};
}

void supervisor_process::finish(supervisor_request& r, boost::system::error_code ec) noexcept {
  r.unlink();
  // The request may be owned by nobody else: it has to live until it is completed.
  const auto kept = std::move(r.self);
  if (ec && r.asks_for_child()) note_refusal(r, ec);
  r.complete(ec);
}

void supervisor_process::fail(supervisor_request& r) noexcept {
  r.reason = exit_reason::error(std::current_exception());
  if (r.asks_for_child() || r.kind == supervisor_request::kind_type::ready) {
    finish(r, errc::start_failed);
  } else {
    finish(r, asio::error::no_memory);
  }
}

// A child whose process was spawned has its failure reported as a failed start already; a refusal
// is reported only for a child that was never tried, or whose supervisor is gone.
void supervisor_process::note_refusal(supervisor_request& r,
                                      boost::system::error_code ec) noexcept {
  const auto* c = static_cast<const entry*>(r.subject);
  if (c != nullptr && c->process && ec != errc::noproc) return;
  child_info about = c != nullptr ? describe(*c) : asked_child(r, self_.id());
  about.supervisor = own_name();
  about.process = {};
  r.refused(home_, about);
}

}  // namespace coppice::detail
