#include <coppice/detail/scheduler.hpp>

#include <coppice/detail/runner.hpp>
#include <coppice/detail/waiter.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace coppice::detail {

namespace {

// How many items of work run before the io_context's own handlers get a turn.
constexpr int drain_budget = 128;

// As many stages stay parked for later, or as many as there are processes if that is more.
constexpr std::size_t spare_stages = 1024;

// How often a killed process is told.
constexpr int kill_rounds = 4;

constinit thread_local scheduler* active_scheduler = nullptr;

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

process& process_of(list_hook* hook) noexcept {
  return *static_cast<process::member_hook*>(hook)->owner;
}

}  // namespace

boost::asio::execution_context::id scheduler::id;

scheduler::scheduler(boost::asio::execution_context& context)
    : boost::asio::execution_context::service{context},
      io_{static_cast<boost::asio::io_context&>(context)},
      alarm_{io_},
      abandon_timer_{nullptr},
      sink_{&print_report} {}

scheduler::~scheduler() = default;

scheduler& scheduler::of(boost::asio::io_context& io) {
  return boost::asio::use_service<scheduler>(io);
}

scheduler* scheduler::active() noexcept { return active_scheduler; }

bool scheduler::on_loop_thread() noexcept {
  return active_scheduler == this || io_.get_executor().running_in_this_thread();
}

// ---- The run queue

void scheduler::post_drain() noexcept {
  if (down_) return;
  drain_posted_ = true;
  boost::asio::post(io_.get_executor(), [this] { drain(); });
}

void scheduler::drain() {
  const at_work here{*this};
  drain_posted_ = false;
  turn_time_valid_ = false;
  if (!stops_.empty()) deliver_stops();
  // A request to stop ends the drain: what its sender does after it must not come before it.
  for (int left = drain_budget; left > 0 && !queue_.empty() && stops_.empty(); --left) {
    perform(queue_.pop());
  }
  while (!surplus_.empty()) static_cast<runner*>(surplus_.front())->discard();
  turn_time_valid_ = false;
  if ((!queue_.empty() || !stops_.empty()) && !drain_posted_) post_drain();
}

void scheduler::perform(run_item& item) {
  process* p = item.owner;
  const std::uint64_t number = item.number;
  const bool alive = p == nullptr || p->is(number);
  const bool run = alive && (p == nullptr || p->now != process::state::dying);
  if (p != nullptr && alive) {
    current_ = p;
    if (item.act != &process::start && item.act != &waiter::act_on) --p->queued;
  }
  if (!run) dropping_ = p;
  try {
    item.act(&item, run ? run_item::how::run : run_item::how::drop);
  } catch (...) {
    // Thrown by a function object that somebody posted to the process.
    if (p != nullptr && p->is(number)) crash(*p, std::current_exception());
  }
  dropping_ = nullptr;
  current_ = nullptr;
  if (run && p != nullptr && p->is(number)) came_to_rest(*p);
}

void scheduler::came_to_rest(process& p) {
  if (p.exit_due && p.now == process::state::live) {
    p.exit_due = false;
    end(p, std::move(p.reason), true);
  } else if (p.kill_due && p.now == process::state::live) {
    p.kill_due = false;
    end(p, exit_reason::killed(), true);
  } else if (p.stop_due && p.queued == 0) {
    p.stop_due = false;
    stops_.emplace_back(&p, p.number.load());
  }
}

void scheduler::arrived(process& p) noexcept {
  ++p.queued;
  if (p.probing && (!p.hit || active_scheduler != this)) {
    // A wait had ended before the request came: this is the result of that, so the request must be
    // repeated when the process waits again. What a hit itself brings about comes from the run queue.
    p.probing = false;
    p.delivered = process::stop_level::none;
    p.stop_due = true;
  }
}

// ---- Asking to stop
//
// A stop request cancels what the process waits for. Whether the cancellation found a wait cannot be
// seen from outside: an operation may already have completed, its completion being queued in the
// io_context. But the io_context's queue is first come, first served. So a marker is posted before
// the cancellation, and a completion that arrives before the marker does was not caused by it. That
// holds too if the process waits for several things at once, of which one was cancelled: the result
// of another may be what it goes on with. All of this happens at the head of a drain, when the thread
// has queued nothing of its own yet.

// Not any more when the io_context is being destroyed: whose frames are still there is unknown then.
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
  stops_.emplace_back(&p, p.number.load());
  if (!drain_posted_) post_drain();
}

void scheduler::deliver_stops() {
  const auto due = std::exchange(stops_, {});
  bool marked = false;
  for (const auto& [p, number] : due) {
    if (!p->is(number) || p->now != process::state::live || p->delivered >= p->asked) continue;
    // Something of it is on its way already, be it the losers of a race that has been won.
    if (p->queued > 0 || waiter::any_aborted(*p)) {
      p->stop_due = true;
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
  current_ = &p;
  try {
    p.stage->signal.emit(boost::asio::cancellation_type::terminal);
  } catch (...) {
    // Thrown by somebody's cancellation handler.
    if (p.is(number)) crash(p, std::current_exception());
  }
  current_ = nullptr;
  // An operation may have completed at once, and the process gone on, and even ended.
  if (!p.is(number) || p.now != process::state::live) return;
  p.hit = p.queued > 0 || waiter::any_aborted(p);
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

process& scheduler::claim_block() {
  if (vacant_.empty()) {
    process& p = blocks_.emplace_back(*this);
    p.tie.owner = p.table.owner = &p;
    p.start_item.owner = &p;
    return p;
  }
  process& p = *vacant_.back();
  vacant_.pop_back();
  return p;
}

process& scheduler::spawn(birth b) {
  process& p = claim_block();
  p.number.store(++last_number_, std::memory_order_relaxed);
  p.now = process::state::unborn;
  p.acknowledged = b.what->acknowledges();
  p.what = std::move(b.what);
  p.watcher = b.watcher;
  p.starter = b.starter;
  p.tag = b.tag;
  p.parent = b.parent;
  if (b.parent != nullptr) {
    p.spawner = b.parent->id();
    b.parent->children.push_back(p.tie);
  } else if (active_scheduler == this && current_ != nullptr) {
    p.spawner = current_->id();
  }
  if (!b.label.empty()) p.more().label = b.label;
  table_.push_back(p.table);
  if (alive_++ == 0) work_.emplace(io_.get_executor());
  p.start_item.number = last_number_;
  push(p.start_item);
  return p;
}

void process::start(run_item* item, run_item::how how) {
  process& p = *item->owner;
  if (p.is(item->number)) p.home.begin(p, how);
}

void scheduler::begin(process& p, run_item::how how) {
  body_ptr what = std::exchange(p.what, {});
  if (how == run_item::how::drop) {
    what.reset();
    if (p.now == process::state::dying && !down_) take_down(p);
    return;
  }
  if (p.asked != process::stop_level::none) {
    what.reset();
    end(p, std::move(p.reason));
    return;
  }
  p.now = process::state::live;
  what->launch(p);
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
    p.kill_due = true;
    return;
  }
  end(p, exit_reason::killed());
}

void scheduler::crash(process& p, std::exception_ptr e) {
  if (p.now == process::state::live) end(p, exit_reason::error(std::move(e)));
}

void scheduler::end_at_rest(process& p, exit_reason reason) {
  if (p.now != process::state::live || p.exit_due) return;
  p.exit_due = true;
  p.reason = std::move(reason);
}

void scheduler::end(process& p, exit_reason reason, bool at_rest) {
  const bool unborn = p.now == process::state::unborn && p.what;
  p.now = process::state::dying;
  p.reason = std::move(reason);
  p.probing = p.stop_due = false;
  // The start item is still in the run queue and goes on from here.
  if (!unborn) take_down(p, at_rest);
}

// First the children, then the frames, then the news. Comes by again when the last child or the last
// frame is gone.
void scheduler::take_down(process& p, bool at_rest) {
  if (!p.children.empty()) {
    for (list_hook* c = p.children.front(); c != nullptr;) {
      process& child = process_of(c);
      c = p.children.after(c);
      kill(child);
    }
    if (!p.children.empty()) return;
  }
  if (p.stage != nullptr) {
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
  p.table.unlink();
  dying_.push_back(p.table);
  p.dying_since = now().time_since_epoch().count();
  if (!abandon_timer_.armed()) {
    abandon_timer_.fire = [](timer_node&) { active()->give_up_waiting(); };
    set_timer(abandon_timer_, now() + abandon_after_);
  }
  const at_work here{*this};  // a kill may come while the loop does not run
  process* const before = std::exchange(current_, &p);
  process* const killed_before = std::exchange(killing_, &p);
  const std::uint64_t number = p.number.load();
  // An operation that completes from within its cancellation gives the process one step more, and
  // that step may wait anew. What it does so a few times over is abandoned.
  for (int rounds = kill_rounds; rounds > 0; --rounds) {
    relayed_ = false;
    try {
      p.stage->signal.emit(boost::asio::cancellation_type::terminal);
    } catch (...) {
      // Thrown by somebody's cancellation handler: a kill is not refused by that either.
    }
    if (!relayed_ || !p.is(number) || p.stage == nullptr) break;
  }
  if (p.is(number)) waiter::wake_all(p.waits);
  killing_ = killed_before;
  current_ = before;
}

void scheduler::give_up_waiting() {
  while (!dying_.empty()) {
    process& p = process_of(dying_.front());
    const time_point due =
        time_point{duration{p.dying_since}} + abandon_after_;
    if (due > now()) {
      set_timer(abandon_timer_, due);
      return;
    }
    p.stage->tenant.store(nullptr, std::memory_order_relaxed);
    p.stage->number.store(0, std::memory_order_relaxed);
    p.stage = nullptr;
    if (listened_to()) {
      tell(process_abandoned{p.id(), p.extras ? std::string_view{p.extras->label} : ""});
    }
    finish(p);
  }
}

// Nothing of the process is left but its block: tell those who want to know, and free the block.
// Nobody is told inline what could run code of another process.
void scheduler::finish(process& p) {
  if (down_) return;
  const pid id = p.id();
  exit_reason reason = std::move(p.reason);
  unregister_name(p);  // before anybody hears of the death: who does may take the name at once
  const std::unique_ptr<process_extras> extras = std::move(p.extras);
  exit_watcher* const watcher = std::exchange(p.watcher, nullptr);
  void* const tag = std::exchange(p.tag, nullptr);
  process* const parent = std::exchange(p.parent, nullptr);

  p.number.store(0, std::memory_order_relaxed);
  p.now = process::state::vacant;
  p.table.unlink();
  p.tie.unlink();
  // Helper coroutines on its executor may still wait; they go the way of what arrives too late.
  while (!p.waits.empty()) {
    auto& w = *static_cast<waiter*>(p.waits.front());
    w.unlink();
    w.wake();
  }

  if (watcher != nullptr) watcher->child_exited(p, tag, reason);
  if (extras) {
    for (process* peer : extras->links) {
      peer->extras->links.erase(&p);
      exit_reason news = reason;
      signal(*peer, id, news, process::stop_level::exit_signal);
    }
    while (!extras->subscriptions.empty()) {
      auto& s = static_cast<exit_subscription&>(*extras->subscriptions.front());
      s.unlink();
      s.fire(id, reason);
    }
  }
  if (watcher == nullptr && reason.kind() == exit_reason::kind_type::error && listened_to()) {
    tell(process_crashed{id, extras ? std::string_view{extras->label} : "", reason});
  }

  p.asked = p.delivered = process::stop_level::none;
  p.kill_due = p.exit_due = p.stop_due = p.probing = false;
  p.acknowledged = p.answered = p.ignored = p.reason_set = false;
  p.queued = 0;
  p.starter = nullptr;
  p.spawner = {};
  p.supervisor = nullptr;
  p.reason = {};
  vacant_.push_back(&p);
  if (dying_.empty()) timers_.cancel(abandon_timer_);
  if (--alive_ == 0) {
    work_.reset();
    // Nothing may keep the io_context from running out of work.
    if (timers_.empty() && alarm_at_ != time_point::max()) {
      alarm_.cancel();
      alarm_at_ = time_point::max();
    }
  }

  if (parent != nullptr && parent->now == process::state::dying && parent->children.empty()) {
    take_down(*parent);
  }
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
  if (p.starter != nullptr) p.starter->child_ready(p.tag, std::move(info));
}

bool scheduler::register_name(process& p, std::string_view name) {
  process_extras& x = p.more();
  if (!x.name.empty() || !names_.try_emplace(std::string{name}, &p).second) return false;
  x.name = name;
  return true;
}

void scheduler::unregister_name(process& p) noexcept {
  if (!p.extras || p.extras->name.empty()) return;
  names_.erase(p.extras->name);
  p.extras->name.clear();
}

pid scheduler::whereis(std::string_view name) const noexcept {
  const auto found = names_.find(std::string{name});
  return found != names_.end() ? found->second->id() : pid{};
}

std::vector<pid> scheduler::processes() {
  std::vector<pid> result;
  result.reserve(alive_);
  for (list_hook* h = table_.empty() ? nullptr : table_.front(); h != nullptr; h = table_.after(h)) {
    result.push_back(process_of(h).id());
  }
  return result;
}

// ---- Stages

runner& scheduler::stage(const void* kind, runner& (*make)(scheduler&)) {
  for (stage_pool& pool : pools_) {
    if (pool.kind != kind) continue;
    if (pool.count == 0) return make(*this);
    --pool.count;
    auto& r = static_cast<runner&>(*pool.parked.back());
    r.unlink();
    return r;
  }
  pools_.emplace_back().kind = kind;
  return make(*this);
}

void scheduler::stage_parked(runner& r) noexcept {
  if (r.being_made) return;
  process* const p = r.tenant.load(std::memory_order_relaxed);
  exit_reason outcome = std::move(r.outcome);
  r.outcome = {};
  r.tenant.store(nullptr, std::memory_order_relaxed);
  r.number.store(0, std::memory_order_relaxed);
  r.what.reset();
  for (stage_pool& pool : pools_) {
    if (pool.kind != r.kind) continue;
    if (pool.count < std::max(spare_stages, alive_)) {
      ++pool.count;
      pool.parked.push_back(r);
    } else {
      surplus_.push_back(r);
    }
    break;
  }
  p->stage = nullptr;
  p->now = process::state::dying;
  p->probing = p->stop_due = p->kill_due = p->exit_due = false;
  p->reason = std::move(outcome);
  take_down(*p);
}

void scheduler::stage_gone(runner& r) noexcept {
  process* const p = r.tenant.load(std::memory_order_relaxed);
  if (down_ || p == nullptr) return;
  r.what.reset();
  p->stage = nullptr;
  if (p->now != process::state::dying) {
    // Somebody destroyed the coroutine: as good as a kill.
    p->now = process::state::dying;
    p->reason = exit_reason::killed();
  }
  take_down(*p);
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

void scheduler::arm() {
  if (manual_ || down_ || timers_.empty() || timers_.earliest() >= alarm_at_) return;
  alarm_at_ = timers_.earliest();
  alarm_.expires_at(alarm_at_);
  alarm_.async_wait([this](const boost::system::error_code& ec) {
    if (ec) return;
    alarm_at_ = time_point::max();
    fire_due();
    arm();
  });
}

void scheduler::fire_due() {
  const at_work here{*this};
  turn_time_valid_ = false;
  const time_point due = now();
  while (!timers_.empty() && timers_.earliest() <= due) {
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
  if (timers_.empty()) return std::nullopt;
  return timers_.earliest();
}

void scheduler::move_time_to(time_point when) {
  turn_time_ = std::max(turn_time_, when);
  fire_due();
}

// ---- Reports, end

void scheduler::tell(const report& r) noexcept {
  if (!sink_) return;
  try {
    sink_(r);
  } catch (...) {
    // A failing sink must not break what it reports on.
  }
}

// Asio's services are shut down one after another; those before this one have destroyed the frames
// that waited for them, those after it will. Here go the frames that wait for coppice.
void scheduler::shutdown() noexcept {
  const at_work here{*this};
  down_ = true;
  for (bool more = true; more;) {
    more = false;
    while (!queue_.empty()) {
      run_item& item = queue_.pop();
      item.act(&item, run_item::how::drop);
      more = true;
    }
    for (process& p : blocks_) more |= waiter::wake_all(p.waits);
    more |= waiter::wake_all(foreign_waits_);
  }
  for (stage_pool& pool : pools_) {
    while (!pool.parked.empty()) static_cast<runner*>(pool.parked.front())->discard();
  }
  while (!surplus_.empty()) static_cast<runner*>(surplus_.front())->discard();
  while (!timers_.empty()) timers_.pop();
  work_.reset();
  sink_ = nullptr;
}

void play(process& p, body_ptr what, const void* kind, runner& (*make)(scheduler&)) {
  runner& r = p.home.stage(kind, make);
  r.what = std::move(what);
  r.tenant.store(&p, std::memory_order_relaxed);
  r.number.store(p.number.load(std::memory_order_relaxed), std::memory_order_relaxed);
  p.stage = &r;
  r.resume();
}

}  // namespace coppice::detail
