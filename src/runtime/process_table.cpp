#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/error.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <ostream>
#include <string>
#include <utility>

namespace coppice {

bool pid::alive() const noexcept { return get() != nullptr; }

detail::scheduler* pid::home() const noexcept { return slot_ != nullptr ? &slot_->home : nullptr; }

std::string pid::to_string() const {
  std::string text = "<";
  return text.append(std::to_string(number_)).append(">");
}

std::ostream& operator<<(std::ostream& out, const pid& id) { return out << id.to_string(); }

namespace detail {

namespace {

// The number of parked runners of one type that are kept for later; more are kept if there are more
// processes than that.
constexpr std::size_t spare_runners = 1024;

void push_on(process*& stack, process& p) noexcept { p.next = std::exchange(stack, &p); }
process& pop_from(process*& stack) noexcept {
  process& p = *stack;
  stack = static_cast<process*>(p.next);
  return p;
}

// A process that takes part in the start handshake is ready when it has acknowledged its start; any
// other one is when it has its name.
bool is_ready(const process& p) noexcept { return !p.acknowledges || p.answered; }

}  // namespace

// Slots are made in chunks that never move: pids and executors hold the address of a slot for as
// long as the io_context lives.
process& process_slots::add(scheduler& s) {
  std::allocator<process> memory;
  if (size_ % chunk == 0) {
    // A vector that has room for one more throws nothing when that is put in.
    if (chunks_.size() == chunks_.capacity()) chunks_.reserve(2 * chunks_.size() + 1);
    chunks_.push_back(memory.allocate(chunk));
  }
  process* const p = std::construct_at(&at(size_), s);
  ++size_;
  return *p;
}

process_slots::~process_slots() {
  for_each([](process& p) { std::destroy_at(&p); });
  for (process* first : chunks_) std::allocator<process>{}.deallocate(first, chunk);
}

free_slots& free_slot_lists::find(const void* kind) {
  const auto found = std::ranges::find(lists_, kind, &free_slots::kind);
  latest_ = found != lists_.end() ? &*found : &lists_.emplace_back(kind);
  return *latest_;
}

// The best slot has a parked runner of the type that the body needs, the second best has no runner,
// so that one can be made for it. A runner of another type is never destroyed for this: it waits
// for a body of its own type.
process& scheduler::acquire_slot(const void* kind) {
  free_slots* v = &free_slots_.of(kind);
  if (v->count == 0 && kind != nullptr) v = &free_slots_.without_runners();
  if (v->count == 0) return slots_.add(*this);
  --v->count;
  return pop_from(v->top);
}

void process_list::add(process& p) noexcept {
  ++size_;
  try {
    known_.emplace_back(&p, p.number.load(std::memory_order_relaxed));
  } catch (const std::bad_alloc&) {
    // It is found among all processes.
  }
}

void scheduler::release_slot(process& p) noexcept {
  free_slots& v = free_slots_.of(p.runner != nullptr ? p.runner->body_kind : nullptr);
  // The runner may be on the stack at this moment, so it is destroyed at the end of the turn.
  if (p.runner != nullptr && v.count >= std::max(spare_runners, alive_)) {
    push_on(to_destroy_, p);
    return;
  }
  ++v.count;
  push_on(v.top, p);
}

// A signal handler on the loop's thread may want to read the label. So the text is made before it
// has to keep away.
void process::set_label(std::string_view label) {
  process_extras& x = more();
  std::string text{label};
  x.changes_label.store(true, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  x.label.swap(text);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  x.changes_label.store(false, std::memory_order_relaxed);
}

process_extras::~process_extras() { refuse_early_requests(errc::noproc); }

void process_extras::refuse_early_requests(boost::system::error_code why) noexcept {
  while (!early_requests.empty()) {
    auto& r = static_cast<early_request&>(*early_requests.front());
    r.unlink();
    r.refuse(why);
  }
}

void scheduler::destroy_surplus() {
  while (to_destroy_ != nullptr) pop_from(to_destroy_).discard_parked();
}

process* name_table::find(std::string_view name) const noexcept {
  const auto found = names_.find(name);
  return found != names_.end() ? found->second : nullptr;
}

bool name_table::add(process& p, std::string_view name) {
  process_extras& x = p.more();
  std::string its_name{name};
  if (!x.name.empty() || !names_.try_emplace(its_name, &p).second) return false;
  x.name.swap(its_name);
  if (is_ready(p)) tell_ready(x.name);
  return true;
}

void name_table::remove(std::string& its_name) noexcept {
  if (its_name.empty()) return;
  names_.erase(its_name);
  if (list_hook* const watches = watches_of(its_name); watches != nullptr) {
    for (list_hook* w = watches->front(); w != nullptr; w = watches->after(w)) {
      static_cast<name_watch*>(w)->name_gone();
    }
  }
  its_name.clear();
}

void name_table::got_ready(process& p) noexcept {
  if (!p.extras->name.empty()) tell_ready(p.extras->name);
}

void name_table::tell_ready(std::string_view name) noexcept {
  list_hook* const watches = watches_of(name);
  if (watches == nullptr) return;
  for (list_hook* w = watches->front(); w != nullptr; w = watches->after(w)) {
    static_cast<name_watch*>(w)->name_ready();
  }
}

// Null if there are none.
list_hook* name_table::watches_of(std::string_view name) noexcept {
  if (watches_.empty()) return nullptr;
  const auto found = watches_.find(name);
  return found != watches_.end() && !found->second.empty() ? &found->second : nullptr;
}

bool name_table::watch(name_watch& w) {
  watches_[w.name()].push_back(w);
  const process* const p = find(w.name());
  return p != nullptr && is_ready(*p);
}

void scheduler::give_up_names(process_extras& x) noexcept {
  names_.remove(x.name);
  while (!x.registrations.empty()) {
    auto& r = static_cast<registration&>(*x.registrations.front());
    r.unlink();
    r.drop();
  }
}

pid scheduler::whereis(std::string_view name) const noexcept {
  process* const p = names_.find(name);
  return p != nullptr ? p->id() : pid{};
}

std::vector<pid> scheduler::processes() {
  std::vector<pid> result;
  result.reserve(alive_);
  slots_.for_each([&result](process& p) {
    if (!p.life.is_vacant()) result.push_back(p.id());
  });
  std::ranges::sort(result, {}, &pid::number);
  return result;
}

}  // namespace detail

}  // namespace coppice
