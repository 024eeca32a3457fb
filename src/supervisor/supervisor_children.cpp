#include "supervisor_process.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/coroutine/runner.hpp>
#include <coppice/detail/overload/intake.hpp>
#include <coppice/report.hpp>

#include <any>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

// This file starts the children of a supervisor, and takes the news of their starts and ends.

namespace coppice::detail {

namespace {

// A child that was restarted more often than this lets others go first. A child that crashes
// without pause would otherwise have a turn, which takes the time of a throw, for each turn of any
// other.
constexpr std::size_t restarts_before_low_priority = 16;

// Why a child that has returned before it was up has failed to start. The first call makes it, and
// comes with the first such start: when the child ends there may be no memory.
const exit_reason& ended_too_soon() {
  static const exit_reason& why =
      *new exit_reason{exit_reason::error("it ended before it had acknowledged its start")};
  return why;
}

}  // namespace

// One gate of one child.
struct supervisor_process::gate final : name_watch {
  gate(supervisor_process& s, entry& c, std::string name, std::unique_ptr<gate> n) noexcept
      : name_watch{std::move(name)}, supervisor{s}, child{c}, next{std::move(n)} {}

  void name_ready() noexcept override {
    if (std::exchange(is_open, true)) return;
    supervisor.note([this] { supervisor.decide_.gate_opened(child); });
    supervisor.wake();
  }
  void name_gone() noexcept override {
    if (std::exchange(is_open, false)) supervisor.decide_.gate_closed(child);
  }

  supervisor_process& supervisor;
  entry& child;
  const std::unique_ptr<gate> next;
  bool is_open = false;
};

// A child that finishes what it has before the program stops.
class supervisor_process::child_intake final : public intake, public drain_watch {
 public:
  child_intake(scheduler& home, entry& c, time_limit drain)
      : home_{home}, child_{c}, drain_{drain} {
    intakes::of(home.io()).push_back(*this);
  }

  void close() noexcept override {
    if (closed_at_) return;
    closed_at_ = home_.now();
    if (behaviour* const b = its_behaviour()) b->begin_drain(*this);
  }
  [[nodiscard]] bool is_drained() const noexcept override {
    const behaviour* const b = its_behaviour();
    return closed_at_ && (b == nullptr || !b->has_work());
  }
  [[nodiscard]] time_point drained_by() const noexcept override {
    return detail::after(*closed_at_, drain_.time());
  }
  void work_done() noexcept override { note_drained(); }

 private:
  [[nodiscard]] behaviour* its_behaviour() const noexcept {
    const process* const p = access::slot(child_.process);
    return p != nullptr ? p->behaviour() : nullptr;
  }

  scheduler& home_;
  entry& child_;
  const time_limit drain_;
  std::optional<time_point> closed_at_;
};

supervisor_process::entry_terms::entry_terms() = default;
supervisor_process::entry_terms::~entry_terms() = default;

void supervisor_process::note_terms(entry& c, const child_spec& spec) {
  const bool drains = spec.drain.time() > duration::zero();
  if (!spec.progress_limit.is_infinity() || spec.gates || drains) {
    c.terms = std::make_unique<entry_terms>();
    c.terms->progress_limit = spec.progress_limit;
  }
  if (drains) c.terms->intake = std::make_unique<child_intake>(home_, c, spec.drain);
  if (!spec.backoff && !spec.restart_limit && !spec.gates) return;
  const std::size_t gates = spec.gates ? spec.gates->size() : 0;
  c.policy = std::make_unique<restart_policy>(
      c, restart_terms{spec.backoff.get(), spec.restart_limit.get(), gates});
  for (std::size_t i = gates; i > 0; --i) {
    std::unique_ptr<gate>& first = c.terms->gates;
    first = std::make_unique<gate>(*this, c, (*spec.gates)[i - 1].name(), std::move(first));
    if (home_.names().watch(*first)) first->name_ready();
  }
}

// Gives the name for which a child that is held back waits.
std::string_view supervisor_process::awaited_by(const entry& c) noexcept {
  const gate* g = c.terms->gates.get();
  while (g->is_open) g = g->next.get();
  return g->name();
}

// The most frequent decision, a restart of one child, is carried out where the end of the child is
// told: it needs no turn of the supervisor. The three reports share one description of the child,
// in which only the new pid and the count change.
void supervisor_process::restart_child(entry& c, process& ended, const exit_reason& why) noexcept {
  const scope acting{acting_};
  // Whoever waits for the end of the child hears of it before the child starts again, as in OTP,
  // where the supervisor is only one of them.
  home_.tell_others(ended, c.process);
  if (!home_.listened_to()) {
    if (self_.life.is_live()) restart_child(c);
    return;
  }
  child_info info = describe(c);
  home_.tell(child_ended{info, why, next_step::restart});
  home_.tell(child_starting{info});
  // The report sink may have killed the supervisor, and so may an exit signal.
  if (!self_.life.is_live() || !restart_child(c)) return;
  info.process = c.process;
  info.restarts = c.restarts;
  home_.tell(child_started{info, c.by_request});
}

// Returns true if the child is up. A spawn that throws, for lack of memory, is a failed start.
bool supervisor_process::restart_child(entry& c) noexcept {
  try {
    spawn_child(c, true);
  } catch (...) {
    note([&] {
      decide_.restart_begun(c, home_.now());
      decide_.start_failed(c, reason_of(std::current_exception()), home_.now());
    });
    wake();
    return false;
  }
  if (!c.start->acknowledges()) {
    decide_.restarted(c, c.process.number());
    return true;
  }
  // Events that come before the answer wait in the inbox. Only a time limit of the start needs a
  // turn, which sets the alarm.
  decide_.restart_begun(c, home_.now());
  if (decide_.deadline()) wake();
  return false;
}

// The end of a child that is not started again is carried out on the spot as well.
void supervisor_process::leave_child(entry& c, process& ended, const exit_reason& why) noexcept {
  const scope acting{acting_};
  home_.tell_others(ended, c.process);
  const bool forgotten = decide_.stays_down(c);
  if (home_.listened_to()) home_.tell(child_ended{describe(c), why, next_step::none});
  if (forgotten) forget(c);
}

// Starts on the spot a child that was asked for. Its supervisor must be dynamic, and the child must
// not acknowledge its start.
pid supervisor_process::start_now(child_spec& spec) {
  if (!is_free() || drain_ != nullptr || !setup_.options.dynamic || setup_.from_template ||
      spec.significant || spec.backoff || spec.restart_limit || spec.gates ||
      access::get_body(spec.start)->acknowledges() || !decide_.adds_now(spec.id)) {
    return {};
  }
  const scope acting{acting_};
  if (!home_.listened_to()) {
    return add_child(spec).process;
  }
  child_info info = describe(spec);
  home_.tell(child_starting{info});
  // The report sink may have killed the supervisor.
  if (!self_.life.is_live()) return {};
  const entry& c = add_child(spec);
  const pid started = c.process;
  info.id = c.id;
  info.process = started;
  home_.tell(child_started{info, true});
  return started;
}

// If it throws, for lack of memory, there is no such child.
supervisor_process::entry& supervisor_process::add_child(child_spec& spec) {
  entry& c = make_entry(spec, std::move(spec.id), nullptr);
  try {
    spawn_child(c, false);
    decide_.added(c, c.process.number());
  } catch (...) {
    disown(c);
    delete &c;
    throw;
  }
  if (c.when == restart::temporary) c.start.reset();
  return c;
}

// The process of the child, if it has one, ends, and its supervisor does not hear of that.
void supervisor_process::disown(entry& c) noexcept {
  process* const p = access::slot(std::exchange(c.process, {}));
  if (p == nullptr || p->watcher != this || p->tag != &c) return;
  p->watcher = nullptr;
  p->tag = nullptr;
  home_.kill(*p);
}

// If it throws, there is no process.
process& supervisor_process::spawn_child(entry& c, bool again) {
  c.process = {};
  process& p = home_.spawn({.what = body_ptr{c.start},
                            .parent = &self_,
                            .watcher = this,
                            .tag = &c,
                            .low_priority = again && c.restarts > restarts_before_low_priority});
  c.process = p.id();
  if (c.terms && !c.terms->progress_limit.is_infinity()) {
    try {
      home_.watch_progress(p, c.terms->progress_limit.time());
    } catch (...) {
      disown(c);
      throw;
    }
  }
  return p;
}

void supervisor_process::start_child(entry& c) {
  const bool acknowledges = c.start->acknowledges();
  try {
    if (acknowledges) static_cast<void>(ended_too_soon());
    spawn_child(c, decide_.restarting_one());
  } catch (...) {
    return decide_.start_failed(c, reason_of(std::current_exception()), home_.now());
  }
  // A temporary child is never started again: its body, with all that the callable captured, is to
  // go together with its process.
  if (c.when == restart::temporary) {
    c.start.reset();
  }
  if (!acknowledges) started(c);
}

void supervisor_process::started(entry& c) {
  decide_.started(c, c.process.number());
  if (home_.listened_to()) home_.tell(child_started{describe(c), c.by_request});
}

void supervisor_process::child_ready(void* tag, std::any info) noexcept {
  if (!self_.life.is_live()) return;  // it is going, and its children are being killed
  auto& c = *static_cast<entry*>(tag);
  c.info = std::move(info);
  note([&] { started(c); });
  // A turn is needed to go on with what has waited for this, or to give up the alarm of the start.
  if (!decide_.is_idle() || !c.start_limit.is_infinity()) wake();
}

// Called by the scheduler when everything of the child is gone. An exit before the acknowledgement
// is a failed start, whose reason is OTP's: what the child ended with, unless it returned in
// silence or was killed because its start took too long.
void supervisor_process::child_exited(process& child, void* tag,
                                      const exit_reason& reason) noexcept {
  if (!self_.life.is_live()) return;  // it is going, and its children are being killed
  note([&] { take_exit(child, *static_cast<entry*>(tag), reason); });
}

void supervisor_process::take_exit(process& child, entry& c, const exit_reason& reason) {
  if (is_free()) {
    const auto next = decide_.follows_now(c, reason, home_.now());
    if (next == supervision::action::next_type::restart) return restart_child(c, child, reason);
    if (next) return leave_child(c, child, reason);
  }
  if (c.state != supervision::child_state::starting) {
    decide_.ended(c, reason);
  } else if (child.ignored) {
    c.process = {};
    decide_.ignored(c);
  } else if (c.had_to_be_killed) {
    decide_.start_failed(c, exit_reason::timeout(), home_.now());
  } else if (reason.is_normal()) {
    decide_.start_failed(c, ended_too_soon(), home_.now());
  } else {
    decide_.start_failed(c, reason, home_.now());
  }
  wake();
}

}  // namespace coppice::detail
