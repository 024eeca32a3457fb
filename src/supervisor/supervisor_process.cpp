#include "supervisor_process.hpp"

#include <coppice/detail/coroutine/stage.hpp>
#include <coppice/name.hpp>

#include "base/exception_cast.hpp"
#include "report/report_words.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

namespace coppice::detail {

namespace {

// A child that was started again so often has to be patient from then on. One that crashes without
// pause would otherwise have a turn, which takes the time of a throw, for each turn of any other.
constexpr std::size_t often = 16;

// How many actions are carried out before others get a turn.
constexpr int action_budget = 256;

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

next_step to_step(supervision::action::next_type n) noexcept {
  switch (n) {
    case supervision::action::next_type::none: break;
    case supervision::action::next_type::restart: return next_step::restart;
    case supervision::action::next_type::give_up: return next_step::give_up;
    case supervision::action::next_type::shut_down: return next_step::shut_down;
  }
  return next_step::none;
}

}  // namespace

shutdown shutdown_of(const child_spec& spec) noexcept {
  if (spec.shutdown) return *spec.shutdown;
  if (spec.type == child_type::supervisor) return infinity;
  return std::chrono::seconds{5};
}

blueprint_ptr blueprint_of(supervisor_spec spec, std::size_t partitions) {
  check(spec);
  const bool from_template = spec.strategy == strategy::simple_one_for_one;
  return std::make_shared<const supervisor_blueprint>(
      supervisor_blueprint{.name = std::move(spec.name),
                           .options = {.strategy = spec.strategy,
                                       .intensity = spec.intensity,
                                       .automatic = spec.auto_shutdown,
                                       .dynamic = from_template},
                           .children = std::move(spec.children),
                           .from_template = from_template,
                           .partitions = partitions});
}

blueprint_ptr blueprint_of(dynamic_supervisor_spec spec) {
  check(spec);
  return std::make_shared<const supervisor_blueprint>(
      supervisor_blueprint{.name = std::move(spec.name),
                           .options = {.strategy = strategy::one_for_one,
                                       .intensity = spec.intensity,
                                       .dynamic = true,
                                       .max_children = spec.max_children}});
}

supervisor_process::supervisor_process(process& self, blueprint_ptr blueprint)
    : self_{self},
      home_{self.home},
      kept_{std::move(blueprint)},
      blueprint_{*kept_},
      decide_{blueprint_.options},
      partitions_{blueprint_.partitions} {
  if (self_.spawner && !self_.spawner.alive()) {
    // Whoever it is linked to has returned before this ran, too early for the trap.
    throw exit_exception{exit_reason::normal()};
  }
  self_.more().supervisor = this;
  // Not owned: this outlives every signal, since a process that is going down gets none.
  self_.more().trap = std::shared_ptr<signal_trap>{std::shared_ptr<void>{}, this};
  if (self_.label().empty()) self_.extras->label = blueprint_.name;
  if (!blueprint_.name.empty() && !home_.register_name(self_, blueprint_.name)) {
    spare_starter(self_.extras->early_requests);
    self_.extras->fail_early_requests(errc::already_started, errc::already_started);
    self_.extras->supervisor = nullptr;
    self_.extras->trap.reset();
    throw name_taken{blueprint_.name, home_.whereis(blueprint_.name)};
  }
  if (home_.listened_to()) warn_about(blueprint_);
  if (!blueprint_.from_template) {
    for (const child_spec& spec : blueprint_.children) {
      decide_.add_static(make_entry(spec, spec.id, std::shared_ptr<const child_spec>{kept_, &spec}));
    }
  }
  while (!self_.extras->early_requests.empty()) {
    auto& r = static_cast<supervisor_request&>(*self_.extras->early_requests.front());
    r.unlink();
    take(r.self);
  }
}

supervisor_process::~supervisor_process() {
  if (self_.supervisor() == this) {
    self_.extras->supervisor = nullptr;
    if (self_.extras->trap.get() == this) self_.extras->trap.reset();
  }
  while (!requests_.empty()) {
    auto& r = static_cast<supervisor_request&>(*requests_.front());
    finish(r, r.kind == supervisor_request::kind_type::ready ? errc::start_failed : errc::noproc);
  }
  while (!entries_.empty()) {
    entry* const c = static_cast<entry_hook*>(entries_.front())->owner;
    // Killed, this may go before the last child is down. The scheduler waits for that one, not
    // this.
    if (process* p = c->process.get(); p != nullptr && p->watcher == this) {
      p->more().label = p->label();
      p->watcher = nullptr;
      p->tag = nullptr;
    }
    delete c;
  }
}

supervisor_process::entry& supervisor_process::make_entry(
    const child_spec& spec, std::string id, std::shared_ptr<const child_spec> origin) {
  auto* const c = new entry;
  c->known.owner = c;
  entries_.push_back(c->known);
  c->id = std::move(id);
  c->origin = std::move(origin);
  c->when = spec.restart;
  c->type = spec.type;
  c->significant = spec.significant;
  c->start_limit = spec.start_limit;
  c->how = shutdown_of(spec);
  if (const body_ptr& start = spec.start.get_body()) c->start = start->for_child(start);
  return *c;
}

// A starter who waits for the answer is told by that alone, and not through the link as well.
void supervisor_process::spare_starter(list_hook& requests) noexcept {
  process* const starter = self_.spawner.get();
  if (starter == nullptr || requests.empty()) return;
  for (list_hook* r = requests.front(); r != nullptr; r = requests.after(r)) {
    if (static_cast<supervisor_request*>(r)->caller == self_.spawner) home_.unlink(self_, *starter);
  }
}

// ---- The loop

void supervisor_process::wait::begin(waiter& w) {
  self->waiting_ = &w;
  if (self->news_) {
    w.wake();
  } else {
    set_alarm();
  }
}

// Works where it waits: the coroutine goes on when there is nothing left to do for it, ever.
bool supervisor_process::wait::ready() {
  if (!self->news_ && !timer.has_rung()) return false;
  timer.leave();
  timer.forget();
  self->act();
  if (self->finished_) return true;
  if (self->news_) {
    self->waiting_->wake();
  } else {
    set_alarm();
  }
  return false;
}

void supervisor_process::wait::set_alarm() {
  if (const auto until = self->decide_.deadline()) {
    timer.begin(*self->waiting_, *until - self->home_.now());
  }
}

void supervisor_process::wait::leave() noexcept {
  self->waiting_ = nullptr;
  timer.leave();
}

void supervisor_process::wake() noexcept {
  news_ = true;
  // A process that is going down drops what is woken, and this is still needed by its children.
  if (waiting_ != nullptr && self_.now != process::state::dying) waiting_->wake();
}

task<void> supervisor_process::main(std::function<void()> booted) {
  booted_ = std::move(booted);
  decide_.start();
  act();
  if (!finished_) co_await operation<void(), wait>{{this}};
}

void supervisor_process::act() {
  news_ = false;
  decide_.set_reporting(home_.listened_to());
  for (int left = action_budget; !finished_; --left) {
    auto a = decide_.next(home_.now());
    if (!a) break;
    perform(*a);
    if (left == 0) {
      news_ = true;
      break;
    }
  }
}

void supervisor_process::perform(supervision::action& a) {
  using kind = supervision::action::kind_type;
  auto* const c = static_cast<entry*>(a.subject);
  switch (a.kind) {
    case kind::start:
      if (home_.listened_to()) home_.tell(child_starting{describe(*c)});
      start_child(*c);
      break;
    case kind::stop:
      if (process* p = c->process.get(); p != nullptr) {
        home_.signal(*p, self_.id(), exit_reason::shutdown(), process::stop_level::supervisor);
      }
      break;
    case kind::kill:
      if (process* p = c->process.get(); p != nullptr) home_.kill(*p);
      break;
    case kind::forget: delete c; break;
    case kind::booted: booted_(); break;
    case kind::reply: answer(a); break;
    case kind::serve: serve(*static_cast<supervisor_request*>(a.call)); break;
    case kind::finished:
      finished_ = true;
      last_ = a.reason;
      if (decide_.why_finished() == supervision::cause::start_failed) spare_starter(requests_);
      if (home_.listened_to()) {
        report_bad_stops();
        home_.tell(supervisor_stopped{own_name(), self_.id(), last_, decide_.stopped_at_end(),
                                      decide_.killed_at_end()});
      }
      break;
    case kind::is_up:
    case kind::failed_to_start:
    case kind::has_ended:
    case kind::stopped_badly:
    case kind::exhausted:
      report_on(a);
      break;
  }
}

process& supervisor_process::spawn_child(entry& c, bool again) {
  process& p = home_.spawn({.what = body_ptr{c.start},
                            .parent = &self_,
                            .watcher = this,
                            .tag = &c,
                            .patient = again && c.restarts > often});
  c.process = p.id();
  return p;
}

void supervisor_process::start_child(entry& c) {
  const bool acknowledges = c.start->acknowledges();
  spawn_child(c, decide_.restarting_one());
  // What a temporary child was started from goes when its process does.
  if (c.when == restart::temporary) {
    c.start.reset();
  }
  if (!acknowledges) decide_.started(c, c.process.number());
}

void supervisor_process::child_ready(void* tag, std::any info) {
  auto& c = *static_cast<entry*>(tag);
  c.info = std::move(info);
  decide_.started(c, c.process.number());
  wake();
}

void supervisor_process::child_exited(process& child, void* tag, const exit_reason& reason) {
  auto& c = *static_cast<entry*>(tag);
  if (c.state == supervision::child_state::running && restart_at_once(c, reason)) return;
  if (c.state != supervision::child_state::starting) {
    decide_.ended(c, reason);
  } else if (child.ignored) {
    c.process = {};
    decide_.ignored(c);
  } else if (c.had_to_be_killed) {
    decide_.start_failed(c, exit_reason::timeout());
  } else if (reason.is_normal()) {
    decide_.start_failed(c, exit_reason::error("it ended before it had acknowledged its start"));
  } else {
    decide_.start_failed(c, reason);
  }
  wake();
}

// The most frequent of all decisions: it needs no turn of the supervisor's own.
bool supervisor_process::restart_at_once(entry& c, const exit_reason& reason) {
  if (waiting_ == nullptr || self_.now != process::state::live) return false;
  // A temporary child has nothing to be started from any more; for some starts one has to wait.
  if (!c.start || c.start->acknowledges()) return false;
  decide_.set_reporting(home_.listened_to());
  if (!decide_.restarts_at_once(c, reason, home_.now())) return false;
  try {
    decide_.restarted(c, spawn_child(c, true).id().number());
  } catch (...) {
    home_.crash(self_);
  }
  return true;
}

// Only its parent's exit signals stop a supervisor, and they do so for every reason.
bool supervisor_process::exit_signal(const pid& from, const exit_reason& reason) {
  if (from && from == self_.spawner) stop(reason);
  return true;
}

void supervisor_process::stop(exit_reason reason) {
  decide_.stop(std::move(reason));
  wake();
}

// ---- Calls

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
  using kind = supervisor_request::kind_type;
  r->self = r;
  requests_.push_back(*r);
  wake();
  const bool by_id = r->kind == kind::terminate || r->kind == kind::restart ||
                     r->kind == kind::erase || r->kind == kind::which_one;
  if (by_id && blueprint_.from_template) {
    finish(*r, errc::simple_one_for_one);
    return;
  }
  switch (r->kind) {
    case kind::add_dynamic:
      if (!blueprint_.options.dynamic) {
        finish(*r, errc::wrong_type);
        break;
      }
      [[fallthrough]];
    case kind::add:
    case kind::add_argument: add(*r); break;
    case kind::terminate: decide_.terminate(r->id, r.get()); break;
    case kind::terminate_process: decide_.terminate(r->process.number(), r.get()); break;
    case kind::restart: decide_.restart_child(r->id, r.get()); break;
    case kind::erase: decide_.erase(r->id, r.get()); break;
    case kind::resize: resize(static_cast<resize_request&>(*r)); break;
    case kind::ready:
    case kind::which:
    case kind::which_one:
    case kind::which_process:
    case kind::count:
    case kind::spec: decide_.queue(r.get()); break;
  }
}

void supervisor_process::add(supervisor_request& r) {
  entry* c = nullptr;
  if (r.kind != supervisor_request::kind_type::add_argument) {
    if (blueprint_.from_template) {
      r.reason = exit_reason::error("a simple_one_for_one supervisor starts its template only");
    } else if (r.added->significant && blueprint_.options.automatic == auto_shutdown::never) {
      r.reason = exit_reason::error(
          "a significant child needs a supervisor whose auto_shutdown is not never");
    } else {
      const auto origin =
          blueprint_.options.dynamic ? nullptr : std::make_shared<child_spec>(*r.added);
      c = &make_entry(*r.added, std::move(r.added->id), origin);
      r.added.reset();
      if (origin && c->when == restart::temporary) origin->start = {};
    }
  } else if (!blueprint_.from_template) {
    r.reason = exit_reason::error("only a simple_one_for_one supervisor has a template");
  } else {
    const child_spec& origin = blueprint_.children.front();
    try {
      body_ptr start = origin.start.is_template() ? origin.start.with_argument(r.argument)
                                                  : origin.start.get_body();
      c = &make_entry(origin, origin.id, nullptr);
      c->start = std::move(start);
    } catch (...) {
      r.reason = exit_reason::error(std::current_exception());
    }
  }
  if (c != nullptr) {
    r.subject = c;
    decide_.add(*c, &r);
  } else {
    finish(r, errc::start_failed);
  }
}

void supervisor_process::answer(supervision::action& a) {
  auto& r = *static_cast<supervisor_request*>(a.call);
  auto* const c = static_cast<entry*>(a.subject);
  if (r.kind == supervisor_request::kind_type::resize) {
    // One part of it. What was up, or down, already is as it should be.
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
      r.listing.reserve(decide_.size());
      for (supervision::child* at = decide_.first(); at != nullptr; at = decide_.after(*at)) {
        r.listing.push_back(list(static_cast<const entry&>(*at)));
      }
      break;
    case kind::which_one:
      if (auto* c = static_cast<entry*>(decide_.find(r.id)); c != nullptr) {
        r.listing.push_back(list(*c));
      } else {
        ec = errc::not_found;
      }
      break;
    case kind::which_process:
      if (auto* c = static_cast<entry*>(decide_.find(r.process.number()));
          c != nullptr && r.process.home() == &home_) {
        r.listing.push_back(list(*c));
      } else {
        ec = errc::not_found;
      }
      break;
    case kind::count:
      for (supervision::child* at = decide_.first(); at != nullptr; at = decide_.after(*at)) {
        const auto& c = static_cast<const entry&>(*at);
        ++r.counts.specs;
        if (c.process.alive()) ++r.counts.active;
        ++(c.type == child_type::supervisor ? r.counts.supervisors : r.counts.workers);
      }
      if (blueprint_.from_template) r.counts.specs = 1;
      break;
    case kind::spec:
      if (auto* c = static_cast<entry*>(decide_.find(r.id)); c != nullptr) {
        r.added = *c->origin;
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
          .restarts = c.restarts};
}

void supervisor_process::finish(supervisor_request& r, boost::system::error_code ec) noexcept {
  r.unlink();
  const auto kept = std::move(r.self);
  if (ec && r.asks_for_child()) note_refusal(r, ec);
  r.complete(ec);
}

// What has tried to start was told of as such.
void supervisor_process::note_refusal(supervisor_request& r,
                                      boost::system::error_code ec) noexcept {
  const auto* c = static_cast<const entry*>(r.subject);
  if (c != nullptr && c->process && ec != errc::noproc) return;
  child_info about = c != nullptr ? describe(*c) : asked_child(r, self_.id());
  about.supervisor = own_name();
  about.process = {};
  r.refused(home_, about);
}

// ---- Partitions

pid supervisor_process::partition_for(std::uintmax_t number) {
  if (!has_partitions()) return {};
  if (partitions_ == 0) {
    throw boost::system::system_error{
        make_error_code(errc::not_found),
        "partition supervisor \"" + blueprint_.name + "\" was resized to no partitions"};
  }
  const auto* c = static_cast<const entry*>(decide_.find(std::to_string(number % partitions_)));
  if (c == nullptr || c->state != supervision::child_state::running) return {};
  return c->process.alive() ? c->process : pid{};
}

// Turns into calls for the single partitions, and one behind them that ends it. Several may be
// under way; what each does makes right whatever those before it have left.
void supervisor_process::resize(resize_request& r) {
  if (!has_partitions()) {
    finish(r, errc::wrong_type);
    return;
  }
  if (r.partitions > blueprint_.partitions) {
    finish(r, errc::max_children);
    return;
  }
  latest_resize_ = &r;
  r.previous = partitions_;
  partitions_ = std::min(partitions_, r.partitions);
  for (std::size_t i = blueprint_.partitions; i > r.partitions; --i) {
    decide_.terminate(std::to_string(i - 1), &r);
  }
  for (std::size_t i = partitions_; i < r.partitions; ++i) {
    decide_.restart_child(std::to_string(i), &r);
  }
  decide_.queue(&r);
}

void supervisor_process::resized(resize_request& r) {
  for (std::size_t i = r.previous; i < r.partitions && !r.error; ++i) {
    if (decide_.find(std::to_string(i)) == nullptr) r.error = errc::not_found;
  }
  if (!r.error && latest_resize_ == &r) partitions_ = r.partitions;
}

// ---- Reports

std::string_view supervisor_process::own_name() const noexcept {
  return self_.extras->name.empty() ? self_.label() : std::string_view{self_.extras->name};
}

child_info supervisor_process::describe(const entry& c) const noexcept {
  return {.supervisor = own_name(),
          .supervisor_id = self_.id(),
          .id = c.id,
          .process = c.process,
          .restarts = c.restarts,
          .restart = c.when,
          .significant = c.significant,
          .shutdown = c.how,
          .type = c.type};
}

void supervisor_process::report_on(supervision::action& a) {
  using kind = supervision::action::kind_type;
  const auto& c = static_cast<const entry&>(*a.subject);
  switch (a.kind) {
    case kind::is_up: home_.tell(child_started{describe(c), c.by_request}); break;
    case kind::failed_to_start:
      home_.tell(child_start_failed{describe(c), a.reason, to_step(a.next)});
      break;
    case kind::has_ended: home_.tell(child_ended{describe(c), a.reason, to_step(a.next)}); break;
    case kind::stopped_badly:
      if (blueprint_.options.dynamic && decide_.shutting_down()) {
        note_bad_stop(c, a.reason);
        break;
      }
      home_.tell(child_stop_failed{describe(c), a.reason, c.had_to_be_killed});
      break;
    case kind::exhausted: {
      const auto& i = blueprint_.options.intensity;
      home_.tell(budget_exhausted{describe(c), i.restarts,
                                  std::chrono::duration<double>{i.within}.count()});
      break;
    }
    default: break;
  }
}

// Children of another policy do not belong together, however they ended.
void supervisor_process::note_bad_stop(const entry& c, const exit_reason& reason) {
  std::string way = (c.had_to_be_killed ? "late " : "") + reason.to_string();
  way += '\n' + word(c.how);
  way += word(c.when);
  way += word(c.type);
  ++bad_stops_.try_emplace(std::move(way), describe(c), reason, c.had_to_be_killed)
        .first->second.count;
}

void supervisor_process::report_bad_stops() {
  for (auto& [way, b] : bad_stops_) {
    b.child.supervisor = own_name();
    b.child.id = {};
    if (b.count == 1) {
      home_.tell(child_stop_failed{b.child, b.reason, b.had_to_be_killed});
      continue;
    }
    b.child.process = {};
    b.child.restarts = 0;
    home_.tell(children_stop_failed{b.child, b.reason, b.had_to_be_killed, b.count});
  }
}

// A restart that first waits for a slow sibling may take longer than the window lasts: then the
// budget never runs out.
void supervisor_process::warn_about(const supervisor_blueprint& blueprint) {
  const auto& o = blueprint.options;
  if (o.dynamic || o.strategy == strategy::one_for_one || blueprint.children.size() < 2) return;
  for (const child_spec& spec : blueprint.children) {
    const shutdown how = spec.shutdown.value_or(shutdown{std::chrono::seconds{5}});
    const bool endless = how.is_infinity() && spec.type == child_type::worker;
    if (!endless && !(how.is_timed() && how.time() > o.intensity.within)) continue;
    home_.tell(spec_warning{own_name(),
                            "child \"" + spec.id +
                                "\" may take longer to stop than the restart window lasts, so that "
                                "the budget may never run out"});
  }
}

}  // namespace coppice::detail
