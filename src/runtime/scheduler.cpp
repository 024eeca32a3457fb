#include <coppice/detail/runtime/scheduler.hpp>

#include "report/report_sums.hpp"

#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/error.hpp>
#include <coppice/mailbox.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>

namespace coppice::detail {

namespace {

// How many items of work run before the io_context's own handlers get a turn.
constexpr int drain_budget = 128;

// How many items go before a process that is started again, while there are as many.
constexpr int patience = 256;

// As many stages stay parked for later, or as many as there are processes if that is more.
constexpr std::size_t spare_stages = 1024;

// How often a killed process is told.
constexpr int kill_rounds = 4;

constinit thread_local scheduler* active_scheduler = nullptr;

// What was found last on this thread. Of no use once any scheduler is gone: another io_context may
// have the address of one that was destroyed.
struct found_scheduler {
  const boost::asio::io_context* of = nullptr;
  scheduler* found = nullptr;
  std::uint64_t gone = 0;
};
constinit thread_local found_scheduler latest;
constinit std::atomic<std::uint64_t> schedulers_gone{0};

// Schedulers by their serial numbers.
struct registry {
  [[nodiscard]] scheduler* find(std::uint64_t serial) const noexcept {
    const auto found = alive.find(serial);
    return found != alive.end() ? found->second : nullptr;
  }

  std::mutex guard;
  std::unordered_map<std::uint64_t, scheduler*> alive;
  std::uint64_t last = 0;
};
registry& all_schedulers() {
  static registry& all = *new registry;  // never destroyed: io_contexts may outlive the statics
  return all;
}
std::uint64_t enter_into_registry(scheduler& s) {
  registry& all = all_schedulers();
  const std::lock_guard lock{all.guard};
  all.alive.emplace(++all.last, &s);
  return all.last;
}
void strike_off_registry(std::uint64_t serial) noexcept {
  registry& all = all_schedulers();
  const std::lock_guard lock{all.guard};
  all.alive.erase(serial);
}

// Marks the scheduler as the one at work on this thread.
class at_work {
 public:
  explicit at_work(scheduler& s) noexcept : before_{std::exchange(active_scheduler, &s)} {}
  at_work(const at_work&) = delete;
  at_work& operator=(const at_work&) = delete;
  ~at_work() { active_scheduler = before_; }

 private:
  scheduler* before_;
};

process& tied(list_hook* h) noexcept { return static_cast<process&>(*h); }

void push_on(process*& stack, process& p) noexcept { p.next = std::exchange(stack, &p); }
process& pop_from(process*& stack) noexcept {
  process& p = *stack;
  stack = static_cast<process*>(p.next);
  return p;
}

}  // namespace

boost::asio::execution_context::id scheduler::id;

scheduler::scheduler(boost::asio::execution_context& context)
    : boost::asio::execution_context::service{context},
      io_{static_cast<boost::asio::io_context&>(context)},
      serial_{enter_into_registry(*this)},
      thread_{io_},
      alarm_{io_},
      abandon_timer_{nullptr} {
  reports_.set(default_sink(*this));
}

scheduler::~scheduler() {
  strike_off_registry(serial_);  // if the constructor of a later service has thrown
  // Slots that are somebody else's may still hold these.
  blocks_.for_each([](process& p) {
    if (p.canceller != nullptr) p.canceller->forget_process();
  });
  schedulers_gone.fetch_add(1, std::memory_order_release);
}

scheduler& scheduler::of(boost::asio::io_context& io) {
  // Asio locks, and searches the list of its services.
  if (latest.of == &io && latest.gone == schedulers_gone.load(std::memory_order_acquire)) {
    return *latest.found;
  }
  return find(io);
}

scheduler& scheduler::find(boost::asio::io_context& io) {
  const std::uint64_t gone = schedulers_gone.load(std::memory_order_acquire);
  latest = {&io, &boost::asio::use_service<scheduler>(io), gone};
  return *latest.found;
}

scheduler& scheduler::of(boost::asio::io_context& io, const char* function) {
  scheduler& s = of(io);
  s.check_thread(function);
  return s;
}

scheduler* scheduler::active() noexcept { return active_scheduler; }

bool scheduler::on_loop_thread() noexcept {
  if (active_scheduler == this) return true;
  return io_.get_executor().running_in_this_thread() && !thread_.is_taken();
}

scheduler* scheduler::find(std::uint64_t serial) noexcept {
  if (is_at_work(serial)) return active_scheduler;
  registry& all = all_schedulers();
  const std::lock_guard lock{all.guard};
  return all.find(serial);
}

bool scheduler::is_at_work(std::uint64_t serial) noexcept {
  return active_scheduler != nullptr && active_scheduler->serial_ == serial;
}

bool scheduler::post(std::uint64_t serial, move_only_function f) {
  registry& all = all_schedulers();
  const std::lock_guard lock{all.guard};  // the scheduler stays for as long
  scheduler* const s = all.find(serial);
  if (s == nullptr) return false;
  s->post(std::move(f));
  return true;
}

void scheduler::post(move_only_function f) {
  boost::asio::post(io_.get_executor(), std::move(f));
}

void scheduler::refuse_thread(const char* function) {
  throw std::logic_error{std::string{"coppice: "} + function +
                         ": another thread runs the io_context; asio::post the call to it"};
}

void scheduler::refuse_second_thread() {
  throw std::logic_error{
      "coppice: two threads run the same io_context; processes live on one thread: let one thread "
      "run it, or give each thread an io_context of its own"};
}

// ---- The run queue

// One handler of the io_context in which coppice's work is done.
class scheduler::turn {
 public:
  explicit turn(scheduler& s) noexcept : of_{s}, before_{std::exchange(s.in_turn_, true)} {
    s.turn_time_valid_ = false;
  }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;
  ~turn() {
    of_.in_turn_ = before_;
    of_.turn_over();
  }

 private:
  scheduler& of_;
  bool before_;
};

// Holds the loop for the calling thread, from its outermost turn on.
class scheduler::occupied {
 public:
  explicit occupied(scheduler& s) noexcept
      : of_{s}, nested_{s.thread_.is_held()}, mine_{nested_ || s.thread_.enter()} {}
  occupied(const occupied&) = delete;
  occupied& operator=(const occupied&) = delete;
  ~occupied() {
    if (mine_ && !nested_) of_.thread_.leave();
  }
  explicit operator bool() const noexcept { return mine_; }

 private:
  scheduler& of_;
  bool nested_;
  bool mine_;
};

void scheduler::post_drain() noexcept {
  if (down_) return;
  drain_posted_ = true;
  boost::asio::post(io_.get_executor(), [this] {
    drain_posted_ = false;
    take_turn([] {});
  });
}

inline void scheduler::perform_owned(owned_item& item) {
  process* const p = item.owner;
  if (p == nullptr || p->now == process::state::dying || !p->is(item.number)) {
    perform_without_process(item);
    return;
  }
  const std::uint64_t number = item.number;
  // A process may run the io_context from within itself; it is current again when that returns.
  process* const before = std::exchange(current_, p);
  try {
    item.act(&item, run_item::how::run);
  } catch (...) {
    // Thrown by a function object that somebody posted to the process, or by the handler of somebody
    // who waits for coppice, but not in a coroutine.
    if (p->is(number)) crash(*p);
  }
  current_ = before;
  if (before != p && p->is(number)) came_to_rest(*p);
}

// Nobody's, or of a process that is gone or going: then it is destroyed.
void scheduler::perform_without_process(owned_item& item) {
  process* const p = item.owner;
  process* const before = current_;
  process* const dropping_before = std::exchange(dropping_, p);
  if (p != nullptr && p->is(item.number)) current_ = p;
  try {
    item.act(&item, p == nullptr ? run_item::how::run : run_item::how::drop);
  } catch (...) {
    // Nobody can be told.
  }
  dropping_ = dropping_before;
  current_ = before;
}

inline void scheduler::perform(run_item& item) {
  if (item.act == &process::start) {
    begin(static_cast<process&>(item));
  } else {
    perform_owned(static_cast<owned_item&>(item));
  }
}

bool scheduler::lets_in(process& p) const noexcept {
  return active_scheduler == nullptr && p.now != process::state::unborn && !p.probing &&
         stops_.empty() && p.queued == 0 && !p.yielding && p.woken == 0;
}

bool scheduler::arrive(owned_item& item) {
  const auto perform_it = [&] { perform_owned(item); };
  return try_turn(perform_it);
}

template <class First>
void scheduler::take_turn(First first) {
  if (try_turn(first)) return;
  // Nothing may get lost: the thread whose turn this is not leaves it to the other one.
  boost::asio::post(io_.get_executor(), [this, first] { take_turn(first); });
  refuse_second_thread();
}

// False if another thread is in a turn; nothing has been done then.
template <class First>
bool scheduler::try_turn(First& first) {
  const occupied by_this_thread{*this};
  if (!by_this_thread) return false;
  const at_work here{*this};
  const turn this_turn{*this};
  const bool another_comes = drain_posted_;
  first();
  // A queue that is never empty gets no more turns for all that arrives meanwhile.
  if (!another_comes) drain();
  return true;
}

// Whatever leaves a turn, be it an exception.
void scheduler::turn_over() {
  turn_time_valid_ = false;
  const bool done = queue_.empty() && patient_.empty();
  if (!done && stops_.empty() && !drain_posted_) post_drain();
}

void scheduler::drain() {
  // Nothing runs while a request to stop is on its way: what its sender does after it must not come
  // before it.
  for (int left = drain_budget; left > 0 && stops_.empty(); --left) {
    run_queue* next = &queue_;
    if (!patient_.empty() && (queue_.empty() || ++passed_over_ >= patience)) {
      passed_over_ = 0;
      next = &patient_;
    }
    if (next->empty()) break;
    perform(next->pop());
  }
  while (surplus_ != nullptr) pop_from(surplus_).discard_parked();
}

void scheduler::do_what_is_due(process& p) {
  const auto take = [&p](process::dues what) {
    if ((p.due & what) == 0) return false;
    p.due = p.due & ~what & process::all_dues;
    return true;
  };
  if (p.now == process::state::live) {
    if (take(process::exit_due)) return end(p, std::move(p.reason), true);
    if (take(process::kill_due)) return end(p, exit_reason::killed(), true);
  }
  if (p.queued == 0 && take(process::stop_due)) deliver_stop_to(p);
}

void scheduler::arrived(process& p) noexcept {
  ++p.queued;
  if (p.probing && (!p.hit || active_scheduler != this)) {
    // A wait had ended before the request came: this is the result of that, so the request must be
    // repeated when the process waits again. What a hit itself brings about comes from the run
    // queue.
    p.probing = false;
    p.delivered = process::stop_level::none;
    p.due |= process::stop_due;
  }
}

// ---- Asking to stop
//
// A stop request cancels what the process waits for. Whether the cancellation found a wait cannot
// be seen from outside: an operation may already have completed, its completion being queued in the
// io_context. But the io_context's queue is first come, first served. So a marker is posted before
// the cancellation, and a completion that arrives before the marker does was not caused by it. That
// holds too if the process waits for several things at once, of which one was cancelled: the result
// of another may be what it goes on with. All of this happens at the head of a turn of its own,
// posted when the request was made: what was under way then has come by. Nothing else of coppice's
// runs from the request to that turn.

// Not any more when the io_context is being destroyed: whose frames are still there is unknown
// then.
bool scheduler::takes_signals(const process& p) const noexcept {
  return !down_ && (p.now == process::state::unborn || p.now == process::state::live);
}

void scheduler::ask_to_stop(process& p, exit_reason reason, process::stop_level level) {
  if (!takes_signals(p)) return;
  if (!p.reason_set) {
    p.reason = std::move(reason);
    p.reason_set = true;
  }
  if (level <= p.asked) return;
  p.asked = level;
  if (p.now == process::state::unborn) return;
  deliver_stop_to(p);
}

void scheduler::deliver_stop_to(process& p) {
  if (stops_.empty()) {
    boost::asio::post(io_.get_executor(), [this] {
      take_turn([this] { deliver_stops(); });
    });
  }
  stops_.emplace_back(&p, p.number.load());
}

void scheduler::deliver_stops() {
  const auto due = std::exchange(stops_, {});
  bool marked = false;
  for (const auto& [p, number] : due) {
    if (!p->is(number) || p->now != process::state::live || p->delivered >= p->asked) continue;
    // Something of it is on its way already, be it the losers of a race that has been won.
    if (p->queued > 0 || waiter::any_aborted(*p)) {
      p->due |= process::stop_due;
      continue;
    }
    if (!marked) {
      post_probe();
      marked = true;
    }
    emit_stop(*p);
  }
}

void scheduler::emit_stop(process& p) {
  const std::uint64_t number = p.number.load();
  p.delivered = p.asked;
  p.probing = false;
  // First of all: an operation may complete at once, and what the process then waits for, having
  // heard of the request, must be left alone.
  p.turn_stopped = p.yielding;
  p.hit = p.yielding != 0;
  waiter::abort_listening(p);
  process* const before = std::exchange(current_, &p);
  try {
    p.signal.emit(boost::asio::cancellation_type::terminal);
  } catch (...) {
    // Thrown by somebody's cancellation handler.
    if (p.is(number)) crash(p);
  }
  current_ = before;
  // The process may have gone on, and even ended.
  if (!p.is(number) || p.now != process::state::live) return;
  if (p.queued > 0 || waiter::any_aborted(p)) p.hit = true;
  p.probing = true;
  probed_.emplace_back(&p, number);
  came_to_rest(p);
}

void scheduler::post_probe() {
  boost::asio::post(io_.get_executor(), [this] {
    // What has not come to the fore by now was hit.
    for (const auto& [p, number] : std::exchange(probed_, {})) {
      if (p->is(number)) p->probing = false;
    }
  });
}

// ---- Processes

process& block_store::add(scheduler& s) {
  std::allocator<process> memory;
  if (size_ % chunk == 0) {
    chunks_.reserve(chunks_.size() + 1);
    chunks_.push_back(memory.allocate(chunk));
  }
  process* const p = std::construct_at(&at(size_), s);
  ++size_;
  return *p;
}

block_store::~block_store() {
  for_each([](process& p) { std::destroy_at(&p); });
  for (process* first : chunks_) std::allocator<process>{}.deallocate(first, chunk);
}

scheduler::vacancy& scheduler::find_vacant(const void* kind) {
  const auto found = std::ranges::find(vacant_, kind, &vacancy::kind);
  latest_vacant_ = found != vacant_.end() ? &*found : &vacant_.emplace_back(kind);
  return *latest_vacant_;
}

process& scheduler::claim_block(const void* kind) {
  vacancy* v = &vacant(kind);
  if (v->count == 0 && kind != nullptr) v = &vacant_.front();
  if (v->count == 0) return blocks_.add(*this);
  --v->count;
  return pop_from(v->top);
}

void scheduler::free_block(process& p) noexcept {
  vacancy& v = vacant(p.stage != nullptr ? p.stage->plays : nullptr);
  if (p.stage != nullptr && v.count >= std::max(spare_stages, alive_)) {
    push_on(surplus_, p);
    return;
  }
  ++v.count;
  push_on(v.top, p);
}

process& scheduler::spawn(const birth& b) {
  process& p = claim_block(b.what->kind());
  p.number.store(++last_number_, std::memory_order_relaxed);
  p.now = process::state::unborn;
  p.starting = true;
  p.acknowledges = b.what->acknowledges();
  p.what = std::move(b.what);
  p.watcher = b.watcher;
  p.tag = b.tag;
  if (b.parent != nullptr) {
    p.spawner = b.parent->id();
    b.parent->more().children.push_back(p);
  } else if (active_scheduler == this && current_ != nullptr) {
    p.spawner = current_->id();
  }
  if (!b.label.empty()) p.more().label = b.label;
  p.what->prepare(p);
  if (alive_++ == 0) work_.emplace(io_.get_executor());
  if (b.patient) {
    push_patient(p);
  } else {
    push(p);
  }
  return p;
}

// In the run queue a process is recognized by this. It is called when that is destroyed.
void process::start(run_item* item, run_item::how) {
  static_cast<process*>(item)->what.reset();
}

void scheduler::begin(process& p) {
  p.starting = false;
  process* const before = std::exchange(current_, &p);
  if (p.now == process::state::dying || p.asked != process::stop_level::none) {
    dropping_ = &p;
    p.what.reset();
    dropping_ = nullptr;
    if (p.now == process::state::dying) {
      take_down(p);
    } else {
      end(p, std::move(p.reason));
    }
    current_ = before;
    return;
  }
  const std::uint64_t number = p.number.load(std::memory_order_relaxed);
  p.now = process::state::live;
  try {
    p.what->launch(p);
  } catch (...) {
    crash(p);
  }
  current_ = before;
  if (p.is(number)) came_to_rest(p);
}

void scheduler::signal(process& p, const pid& from, const exit_reason& reason,
                       process::stop_level level) {
  if (!takes_signals(p)) return;
  if (p.extras && p.extras->trap) {
    if (const auto trap = p.extras->trap; trap->exit_signal(from, reason)) return;
    p.extras->trap.reset();
  }
  if (reason.is_normal() && level != process::stop_level::supervisor && from != p.id()) return;
  ask_to_stop(p, reason, level);
}

void scheduler::kill(process& p) {
  if (!takes_signals(p)) return;
  if (current_ == &p) {
    p.due |= process::kill_due;
    return;
  }
  end(p, exit_reason::killed());
}

void scheduler::crash(process& p) {
  if (p.now == process::state::live) end(p, exit_reason::error(std::current_exception()));
}

namespace {

// Has a process come to rest soon, though it may have nothing to do.
class rest_item final : public owned_item, public pooled {
 public:
  explicit rest_item(process& p) noexcept : owned_item{&act_on} {
    owner = &p;
    number = p.number.load(std::memory_order_relaxed);
  }

 private:
  static void act_on(run_item* item, how) { delete static_cast<rest_item*>(item); }
};

}  // namespace

void scheduler::fail(process& p) noexcept {
  if (p.now != process::state::live) return;
  exit_reason why = exit_reason::error(std::current_exception());
  if (current_ != &p) {
    try {
      push(*new rest_item{p});
    } catch (const std::bad_alloc&) {
      return end(p, std::move(why));
    }
  }
  end_at_rest(p, std::move(why));
}

void scheduler::end_at_rest(process& p, exit_reason reason) {
  if (p.now != process::state::live || (p.due & process::exit_due) != 0) return;
  p.due |= process::exit_due;
  p.reason = std::move(reason);
}

void scheduler::end(process& p, exit_reason reason, bool at_rest) {
  p.now = process::state::dying;
  p.reason = std::move(reason);
  p.probing = false;
  p.due = 0;
  // A start item that is still in the run queue goes on from here.
  if (!p.starting) take_down(p, at_rest);
}

// First the children, then the frames, then the news. Comes by again when the last child or the
// last frame is gone.
void scheduler::take_down(process& p, bool at_rest) {
  if (p.extras && !p.extras->children.empty()) {
    list_hook& children = p.extras->children;
    for (list_hook* c = children.front(); c != nullptr;) {
      process& child = tied(c);
      c = children.after(c);
      kill(child);
    }
    if (!children.empty()) return;
  }
  if (p.playing) {
    drop_frames(p, at_rest);
  } else {
    finish(p);
  }
}

void scheduler::drop_frames(process& p, bool at_rest) {
  if (at_rest) {
    // What usually holds the frames of a process that ends itself is the wait in which it says so.
    const std::uint64_t number = p.number.load();
    current_ = dropping_ = &p;
    while (p.is(number) && waiter::drop_one(p.waits)) {
    }
    current_ = dropping_ = nullptr;
    if (!p.is(number)) return;
  }
  dying_.push_back({&p, p.number.load(), now()});
  if (!abandon_timer_.armed()) {
    abandon_timer_.fire = [](timer_node&) { active()->give_up_waiting(); };
    set_timer(abandon_timer_, after(now(), abandon_after_));
  }
  const at_work here{*this};  // a kill may come while the loop does not run
  process* const before = std::exchange(current_, &p);
  process* const killed_before = std::exchange(killing_, &p);
  const bool relayed_before = relayed_;  // what is destroyed may kill others
  const std::uint64_t number = p.number.load();
  // An operation that completes from within its cancellation gives the process one step more, and
  // that step may wait anew. What it does so a few times over is abandoned.
  for (int rounds = kill_rounds; rounds > 0; --rounds) {
    relayed_ = false;
    try {
      p.signal.emit(boost::asio::cancellation_type::terminal);
    } catch (...) {
      // Thrown by somebody's cancellation handler: a kill is not refused by that either.
    }
    if (!relayed_ || !p.is(number) || !p.playing) break;
  }
  if (p.is(number)) waiter::wake_all(p.waits);
  killing_ = killed_before;
  relayed_ = relayed_before;
  current_ = before;
}

void scheduler::give_up_waiting() {
  while (!dying_.empty()) {
    const auto [block, number, since] = dying_.front();
    process& p = *block;
    if (p.is(number) && after(since, abandon_after_) > now()) {
      set_timer(abandon_timer_, after(since, abandon_after_));
      return;
    }
    dying_.pop_front();
    if (!p.is(number)) continue;
    if (listened_to()) {
      tell(process_abandoned{p.id(), p.label()});
    }
    finish(p);
  }
}

// Nothing of the process is left but its block: tell those who want to know, and free the block.
// Nobody is told inline what could run code of another process.
void scheduler::finish(process& p) {
  if (down_) return;
  // First of all: whoever takes reports may ask for what else is known of it.
  if (p.reason.is_abnormal() && listened_to()) report_crash(p);
  // Before anybody hears of the death: who does may take the name at once.
  if (p.extras) give_up_names(*p.extras);
  const pid id = p.id();
  process* const parent = p.parent();

  p.number.store(0, std::memory_order_relaxed);
  p.now = process::state::vacant;
  p.unlink();
  // Helper coroutines on its executor may still wait; they go the way of what arrives too late.
  while (!p.waits.empty()) {
    auto& w = *static_cast<waiter*>(p.waits.front());
    w.unlink();
    w.wake();
  }

  if (p.watcher != nullptr) {
    std::exchange(p.watcher, nullptr)->child_exited(p, std::exchange(p.tag, nullptr), p.reason);
  }
  if (p.extras) tell_others(p, id);

  p.asked = p.delivered = process::stop_level::none;
  p.due = 0;
  p.probing = false;
  p.acknowledges = p.answered = p.ignored = p.reason_set = p.outcome_set = false;
  p.yielding = p.turn_stopped = 0;
  p.queued = 0;
  p.woken = 0;
  p.spawner = {};
  p.reason = {};
  // What was abandoned keeps its block until its frames are gone.
  if (!p.playing) free_block(p);
  while (!dying_.empty() && !dying_.front().block->is(dying_.front().number)) dying_.pop_front();
  if (dying_.empty() && abandon_timer_.armed()) timers_.cancel(abandon_timer_);
  if (--alive_ == 0) {
    work_.reset();
    give_up_loose_timers();
    // Nothing may keep the io_context from running out of work.
    if (timers_.empty() && alarm_at_ != time_point::max()) {
      alarm_.cancel();
      alarm_at_ = time_point::max();
    }
  }

  if (parent != nullptr && parent->now == process::state::dying &&
      parent->extras->children.empty()) {
    take_down(*parent);
  }
}

void scheduler::tell_others(process& p, const pid& id) {
  process_extras& extras = *p.extras;
  for (process* peer : extras.links) {
    peer->extras->links.erase(&p);
    signal(*peer, id, p.reason, process::stop_level::exit_signal);
  }
  while (!extras.subscriptions.empty()) {
    auto& s = static_cast<exit_subscription&>(*extras.subscriptions.front());
    s.unlink();
    s.fire(id, p.reason);
  }
  p.extras.reset();
}

void scheduler::link(process& a, process& b) {
  a.more().links.insert(&b);
  b.more().links.insert(&a);
}

void scheduler::unlink(process& a, process& b) noexcept {
  if (a.extras) a.extras->links.erase(&b);
  if (b.extras) b.extras->links.erase(&a);
}

void scheduler::acknowledge(process& p, std::any info) {
  if (p.answered) return;
  p.answered = true;
  // Who is up without being a supervisor has been taken for one.
  if (p.extras && p.extras->supervisor == nullptr) {
    p.extras->fail_early_requests(errc::wrong_type, errc::wrong_type);
  }
  if (p.acknowledges && p.watcher != nullptr) p.watcher->child_ready(p.tag, std::move(info));
}

bool scheduler::register_name(process& p, std::string_view name) {
  process_extras& x = p.more();
  if (!x.name.empty() || !names_.try_emplace(std::string{name}, &p).second) return false;
  x.name = name;
  return true;
}

void scheduler::unregister_name(process& p) noexcept {
  if (p.extras) unregister_name(*p.extras);
}

void scheduler::unregister_name(process_extras& x) noexcept {
  if (x.name.empty()) return;
  names_.erase(x.name);
  x.name.clear();
}

void scheduler::give_up_names(process_extras& x) noexcept {
  unregister_name(x);
  while (!x.registrations.empty()) {
    auto& r = static_cast<registration&>(*x.registrations.front());
    r.unlink();
    r.drop();
  }
}

pid scheduler::whereis(std::string_view name) const noexcept {
  const auto found = names_.find(std::string{name});
  return found != names_.end() ? found->second->id() : pid{};
}

std::vector<pid> scheduler::processes() {
  std::vector<pid> result;
  result.reserve(alive_);
  blocks_.for_each([&result](process& p) {
    if (p.now != process::state::vacant) result.push_back(p.id());
  });
  std::ranges::sort(result, {}, &pid::number);
  return result;
}

// ---- Stages

void scheduler::stage_parked(process& p) noexcept {
  if (p.opening) return;
  p.playing = false;
  p.what.reset();
  if (p.now == process::state::vacant) {
    // It was abandoned, and has come to its end after all.
    p.reason = {};
    p.outcome_set = false;
    free_block(p);
    return;
  }
  p.now = process::state::dying;
  p.probing = false;
  p.due = 0;
  if (p.extras) {
    take_down(p);
  } else {
    finish(p);
  }
}

void scheduler::stage_gone(process& p) noexcept {
  p.stage = nullptr;
  p.playing = false;
  p.what.reset();
  if (down_) return;
  // What would cancel an operation that was dropped refers to it; the next process in this block may
  // never replace that.
  p.signal.slot().clear();
  if (p.now == process::state::vacant) {
    free_block(p);
    return;
  }
  if (p.now != process::state::dying) {
    // Somebody destroyed the coroutine: as good as a kill.
    p.now = process::state::dying;
    p.reason = exit_reason::killed();
  }
  take_down(p);
}

// ---- Time

time_point scheduler::now() noexcept {
  if (manual_) return turn_time_;
  if (active_scheduler != this) return clock::now();
  if (!turn_time_valid_) {
    turn_time_ = clock::now();
    turn_time_valid_ = true;
  }
  return turn_time_;
}

void scheduler::set_timer(timer_node& node, time_point when) {
  timers_.set(node, when);
  arm();
}

void scheduler::set_loose_timer(loose_timer& timer, time_point when) {
  if (alive_ == 0 || down_) return;
  set_timer(timer, when);
  loose_timers_.push_back(timer);
}

void scheduler::give_up_loose_timers() {
  while (!loose_timers_.empty()) {
    auto& timer = static_cast<loose_timer&>(*loose_timers_.front());
    timer.unlink();
    timers_.cancel(timer);
    timer.given_up(timer);
  }
}

void scheduler::arm() {
  if (manual_ || down_ || timers_.empty() || timers_.earliest() >= alarm_at_) return;
  alarm_at_ = timers_.earliest();
  alarm_.expires_at(alarm_at_);
  alarm_.async_wait([this](const boost::system::error_code& ec) {
    if (ec) return;
    alarm_at_ = time_point::max();
    take_turn([this] { fire_due(); });
    arm();
  });
}

void scheduler::fire_due() {
  const time_point due = now();
  while (!timers_.empty() && timers_.earliest() <= due && timers_.earliest() != end_of_time) {
    timer_node& node = timers_.pop();
    node.fire(node);
  }
}

void scheduler::take_over_time() {
  turn_time_ = now();
  manual_ = true;
  alarm_.cancel();
  alarm_at_ = time_point::max();
}

std::optional<time_point> scheduler::next_timer() const noexcept {
  if (timers_.empty() || timers_.earliest() == end_of_time) return std::nullopt;
  return timers_.earliest();
}

void scheduler::move_time_to(time_point when) {
  turn_time_ = std::max(turn_time_, when);
  const at_work here{*this};
  fire_due();
}

// ---- Reports, end

// A killed process says nothing; one that ends in order, as servers do, has told by a report of its
// own.
void scheduler::report_crash(process& p) noexcept {
  if (p.reason.kind() == exit_reason::kind_type::killed) return;
  if (p.extras && p.extras->task) {
    // Of those that were told to end, only what they did not end with for that.
    if (p.asked != process::stop_level::none && !p.extras->failed) return;
    tell(task_terminated{p.id(), p.label(), p.extras->callers, p.reason});
    return;
  }
  if (p.outcome_set) return;
  process_crashed crash{p.id(), p.label(), p.reason};
  if (p.extras) crash.name = p.extras->name;
  crash.supervised = p.watcher != nullptr;
  tell(crash);
}

// Asio's services are shut down one after another; those before this one have destroyed the frames
// that waited for them, those after it will. Here go the frames that wait for coppice.
void scheduler::shutdown() noexcept {
  strike_off_registry(serial_);
  const at_work here{*this};
  down_ = true;
  for (bool more = true; more;) {
    more = false;
    for (run_queue* q : {&queue_, &patient_}) {
      while (!q->empty()) {
        run_item& item = q->pop();
        item.act(&item, run_item::how::drop);
        more = true;
      }
    }
    // What would cancel an operation may hold the frames that wait for it, and they must go before
    // the callable that they belong to.
    blocks_.for_each([](process& p) { p.signal.slot().clear(); });
    blocks_.for_each([&more](process& p) { more |= waiter::wake_all(p.waits); });
    more |= waiter::wake_all(foreign_waits_);
  }
  blocks_.for_each([](process& p) {
    if (p.stage != nullptr && !p.playing) p.discard_parked();
  });
  while (!mailboxes_.empty()) static_cast<mailbox_core&>(*mailboxes_.front()).leave_home();
  while (!timers_.empty()) timers_.pop();
  while (!unheard_.empty()) unheard_.front()->unlink();
  work_.reset();
  reports_.close();
}

}  // namespace coppice::detail
