#include "supervisor_process.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/coroutine/runner.hpp>
#include <coppice/name.hpp>
#include <coppice/report.hpp>

#include <memory>
#include <new>
#include <utility>

// This file drives the decisions of one supervisor: events are handed to `decide_`, and its actions
// are carried out within the wait of the supervisor's coroutine (`wait::poll`). So the coroutine is
// resumed only at the very end: resuming it took a third of the instructions of each restart.

namespace coppice::detail {

namespace {

// The number of actions that are carried out before other processes get a turn.
constexpr int action_budget = 256;

}  // namespace

supervisor_process::supervisor_process(process& self, setup_ptr setup)
    : behaviour{&tag},
      self_{self},
      home_{self.home},
      before_{self.more().behaviour},
      kept_{std::move(setup)},
      setup_{*kept_},
      decide_{setup_.options},
      partitions_{setup_.partitions} {
  try {
    begin_life();
  } catch (...) {
    end_life();
    throw;
  }
}

// Makes the process a supervisor.
void supervisor_process::begin_life() {
  if (self_.spawner && !self_.spawner.alive()) {
    // The starter has ended normally before this process ran, when no supervisor was there yet to
    // take the exit signal.
    throw exit_exception{exit_reason::normal()};
  }
  // The pointer does not own this object, which lives in the frame of the coroutine: a process
  // takes no signal from the time on that its frames may go.
  self_.extras->behaviour = {std::shared_ptr<void>{}, this};
  self_.extras->trap.reset();
  if (self_.label().empty()) self_.extras->label = setup_.name;
  if (!setup_.name.empty() && !home_.names().add(self_, setup_.name)) {
    spare_starter(self_.extras->early_requests);
    self_.extras->refuse_early_requests(errc::already_started);
    throw name_taken{setup_.name, home_.whereis(setup_.name)};
  }
  if (home_.listened_to()) warn_about(setup_);
  if (!setup_.from_template) {
    for (const child_spec& spec : setup_.children) {
      decide_.add_static(
          make_entry(spec, spec.id, std::shared_ptr<const child_spec>{kept_, &spec}));
    }
  }
  while (!self_.extras->early_requests.empty()) {
    const auto r = static_cast<supervisor_request&>(*self_.extras->early_requests.front()).self;
    r->unlink();
    try {
      take(r);
    } catch (...) {
      fail(*r);
    }
  }
}

supervisor_process* supervisor_process::of(const process& p) noexcept {
  behaviour* const b = p.behaviour();
  return b != nullptr && b->type == &tag ? static_cast<supervisor_process*>(b) : nullptr;
}

supervisor_process::~supervisor_process() { end_life(); }

void supervisor_process::end_life() noexcept {
  if (of(self_) == this) self_.extras->behaviour = before_;
  while (!requests_.empty()) {
    auto& r = static_cast<supervisor_request&>(*requests_.front());
    finish(r, r.kind == supervisor_request::kind_type::ready ? errc::start_failed : errc::noproc);
  }
  while (!entries_.empty()) {
    entry* const c = static_cast<entry_hook*>(entries_.front())->owner;
    // This object may go before its last child is down, for instance when the coroutine that runs
    // it ends by an exception. The scheduler waits for that child, whose end is told to nobody
    // then.
    if (process* p = access::slot(c->process); p != nullptr && p->watcher == this) {
      try {
        p->set_label(p->label());
      } catch (const std::bad_alloc&) {
        // It ends without a name.
      }
      p->watcher = nullptr;
      p->tag = nullptr;
    }
    delete c;
  }
}

supervisor_process::entry& supervisor_process::make_entry(
    const child_spec& spec, std::string id, std::shared_ptr<const child_spec> origin) {
  auto c = std::make_unique<entry>();
  c->known.owner = c.get();
  c->id = std::move(id);
  c->origin = std::move(origin);
  c->when = spec.restart;
  c->type = spec.type;
  c->significant = spec.significant;
  c->start_limit = spec.start_limit;
  c->how = shutdown_of(spec);
  if (access::has_terms(spec)) note_terms(*c, spec);
  if (const body_ptr& start = access::get_body(spec.start)) c->start = start->for_child(start);
  entries_.push_back(c->known);
  return *c.release();
}

// A linked starter that awaits `ready` is unlinked when the start fails: it hears of the failure by
// the answer, and is not to get an exit signal for the same failure.
void supervisor_process::spare_starter(list_hook& requests) noexcept {
  process* const starter = access::slot(self_.spawner);
  if (starter == nullptr || requests.empty()) return;
  for (list_hook* r = requests.front(); r != nullptr; r = requests.after(r)) {
    if (static_cast<supervisor_request*>(r)->caller == self_.spawner) home_.unlink(self_, *starter);
  }
}

void supervisor_process::wait::arm(waiter& w) {
  self->waiting_ = &w;
  if (self->news_) {
    w.wake();
  } else {
    set_alarm();
  }
}

// The supervisor works here, while its coroutine is suspended. The wait is over when the supervisor
// has finished; until then it is woken for news and for deadlines.
bool supervisor_process::wait::poll() {
  if (!self->news_ && !timer.has_expired()) return false;
  timer.disarm();
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
    timer.arm(*self->waiting_, *until - self->home_.now());
  }
}

void supervisor_process::wait::disarm() noexcept {
  self->waiting_ = nullptr;
  timer.disarm();
}

void supervisor_process::wake() noexcept {
  news_ = true;
  // The waiter of a process that exits would be dropped, and the frame with this object in it,
  // while the children still refer to this object as their watcher.
  if (waiting_ != nullptr && !self_.life.is_exiting()) waiting_->wake();
}

void supervisor_process::begin(std::function<void()> booted) {
  booted_ = std::move(booted);
  decide_.start();
  act();
}

task<void> supervisor_process::main(std::function<void()> booted) {
  begin(std::move(booted));
  if (!finished_) co_await deferred_wait<wait>{{this}};
}

void supervisor_process::act() {
  const scope acting{acting_};
  news_ = false;
  // The clock is read once: whatever is decided in one go belongs to one point in time.
  decide_.set_reporting(home_.listened_to());
  const time_point now = home_.now();
  // A report sink may kill the supervisor; it then carries out nothing more.
  for (int left = action_budget; !finished_ && self_.life.is_live(); --left) {
    auto a = decide_.next(now);
    if (decide_.shutting_down() && !stop_began_) stop_began_ = now;
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
      limit_stop_of(*c, a.until);
      if (process* p = access::slot(c->process); p != nullptr) {
        home_.signal(*p, self_.id(), exit_reason::shutdown(), stop_request::level::supervisor);
      }
      break;
    case kind::kill:
      if (c->had_to_be_killed && home_.listened_to()) end_late(*c);
      if (process* p = access::slot(c->process); p != nullptr) home_.kill(*p);
      break;
    // The decisions have dropped the record from the table and from the inbox.
    case kind::forget: forget(*c); break;
    case kind::booted: booted_(); break;
    case kind::reply: answer(a); break;
    case kind::serve:
      try {
        serve(*static_cast<supervisor_request*>(a.call));
      } catch (...) {
        fail(*static_cast<supervisor_request*>(a.call));
      }
      break;
    case kind::finished:
      finished_ = true;
      last_ = a.reason;
      if (decide_.why_finished() == supervision::cause::start_failed) spare_starter(requests_);
      if (home_.listened_to()) {
        report_bad_stops();
        home_.tell(supervisor_stopped{own_name(), self_.id(), last_, decide_.stopped_at_end(),
                                      decide_.killed_at_end(),
                                      stop_began_ ? home_.now() - *stop_began_ : duration{}});
        tell_killed();
      }
      break;
    case kind::failed_to_start:
    case kind::has_ended:
    case kind::stopped_badly:
    case kind::exhausted:
    case kind::held_back:
    case kind::recovered:
      report_on(a);
      break;
  }
}

// OTP: gen_server ends a process that traps exits when its parent's 'EXIT' comes, for every reason.
// The exit signals of other linked processes are swallowed, as handle_info/2 of OTP's supervisor
// does with those of processes that are not its children.
bool supervisor_process::exit_signal(const pid& from, const exit_reason& reason) noexcept {
  if (from && from == self_.spawner) stop(reason);
  return true;
}

bool supervisor_process::stop(const exit_reason& reason) noexcept {
  decide_.stop(reason);
  wake();
  return true;
}

}  // namespace coppice::detail
