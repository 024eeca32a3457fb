#include "drawn_order.hpp"

#include <algorithm>
#include <utility>

namespace coppice::detail {

namespace {

constexpr duration never = duration::max();
constexpr int most_in_a_row = 64;

process* owner_of(run_item& item) noexcept {
  if (item.act == &process::start) return static_cast<process*>(&item);
  return static_cast<owned_item&>(item).owner;
}

}  // namespace

drawn_order::drawn_order(scheduler& s, simulated_system& system, simulated_order how,
                         std::uint64_t changes, process_faults& faults,
                         std::function<bool()> has_to_stop)
    : home_{s},
      system_{system},
      how_{how},
      faults_{faults},
      has_to_stop_{std::move(has_to_stop)},
      draws_{system.seed(), "run order"} {
  // How long a play will be is not known: the changes lie in the first steps of a short one, or of
  // a long one.
  const std::uint64_t length = std::uint64_t{64} << draws_.below(8);
  for (std::uint64_t i = 0; i < changes; ++i) changes_.push_back(draws_.below(length));
  std::sort(changes_.rbegin(), changes_.rend());
}

bool drawn_order::is_older(const lane* a, const lane* b) noexcept { return a->number < b->number; }

void drawn_order::take(run_queue& ready) {
  while (!ready.empty()) {
    run_item& item = ready.pop();
    lane& l = lane_of(owner_of(item));
    if (l.items.empty()) {
      busy_.insert(std::upper_bound(busy_.begin(), busy_.end(), &l, is_older), &l);
    }
    l.items.push_back({&item, ++sequence_});
  }
}

drawn_order::lane& drawn_order::lane_of(process* owner) {
  lane*& known = by_owner_[owner];
  if (known == nullptr) {
    lanes_.push_back({owner, lanes_.size()});
    known = &lanes_.back();
    known->priority = static_cast<std::int64_t>(draws_.next() >> 2U);
  }
  return *known;
}

// A process that is exiting is held no more: what it has is destroyed.
bool drawn_order::is_held(const lane& l) const noexcept {
  return l.held_until > system_.now() && l.owner->is(l.held_number) && !l.owner->life.is_exiting();
}

bool drawn_order::has_work() const noexcept {
  return std::any_of(busy_.begin(), busy_.end(), [this](const lane* l) { return !is_held(*l); });
}

bool drawn_order::holds(process& p) const noexcept {
  const auto found = by_owner_.find(&p);
  return found != by_owner_.end() && is_held(*found->second);
}

drawn_order::lane* drawn_order::choose() {
  lane* best = nullptr;
  std::uint64_t seen = 0;
  for (lane* const l : busy_) {
    if (is_held(*l)) continue;
    ++seen;
    bool better = best == nullptr;
    if (!better) {
      switch (how_) {
        case simulated_order::drawn:
        case simulated_order::first_come:
          better = l->items.front().sequence < best->items.front().sequence;
          break;
        case simulated_order::random: better = draws_.below(seen) == 0; break;
        case simulated_order::priorities: better = l->priority > best->priority; break;
      }
    }
    if (better) best = l;
  }
  return best;
}

run_item* drawn_order::next() {
  if (std::exchange(has_stopped_, false)) return nullptr;
  // Other handlers of the io_context have their turns in between.
  if (how_ != simulated_order::first_come && draws_.below(8) == 0) return nullptr;
  for (;;) {
    lane* const l = choose();
    if (l == nullptr) return nullptr;
    if (!changes_.empty() && steps_ >= changes_.back()) {
      changes_.pop_back();
      l->priority = --lowest_;
      continue;
    }
    if (!endure(*l)) continue;
    ++steps_;
    // A process that runs again and again waits for another one to run.
    in_a_row_ = l == latest_ ? in_a_row_ + 1 : 0;
    latest_ = l;
    if (in_a_row_ > most_in_a_row) l->priority = --lowest_;
    run_item* const item = l->items.front().item;
    l->items.pop_front();
    if (l->items.empty()) std::erase(busy_, l);
    if (l->owner != nullptr) {
      system_.told().note("run", l->owner->number.load(std::memory_order_relaxed));
    }
    // Last, since no allocation of the simulation's own is to fail.
    if (std::exchange(without_memory_, false)) faults_.fail_allocation();
    return item;
  }
}

void drawn_order::done() noexcept {
  faults_.end_step();
  has_stopped_ = has_to_stop_();
}

bool drawn_order::endure(lane& l) {
  process* const p = l.owner;
  if (p == nullptr || !p->life.is_live() || std::exchange(l.spared, false)) return true;
  const std::optional<process_faults::blow> blow = faults_.strike(*p);
  if (!blow) return true;
  switch (blow->kind) {
    case fault_kind::crash:
      home_.run_as(*p, [&] { throw simulated_fault{"simulated fault of " + blow->whom}; });
      return false;
    case fault_kind::kill: home_.kill(*p); return false;
    case fault_kind::hang:
      hold(l, never);
      // A server may hang before it takes the message that would set its timer.
      if (p->extras && p->extras->watch) home_.note_progress(*p);
      return false;
    case fault_kind::late:
      l.spared = true;
      hold(l, system_.now() + blow->delay);
      return false;
    case fault_kind::no_memory: without_memory_ = true; return true;
  }
  return true;
}

void drawn_order::hold(lane& l, duration until) {
  l.held_until = until;
  l.held_number = l.owner->number.load(std::memory_order_relaxed);
  if (until == never) return;
  system_.at(until, [this] {
    home_.look_again();
    system_.end_wait();
  });
}

bool drawn_order::at_once() {
  return how_ == simulated_order::first_come || draws_.below(2) == 0;
}

void drawn_order::give_back(run_queue& ready) noexcept {
  for (lane* const l : std::exchange(busy_, {})) {
    for (const entry& e : l->items) ready.push(*e.item);
    l->items.clear();
  }
}

}  // namespace coppice::detail
