#include <coppice/detail/runtime/scheduler.hpp>

#include "turn.hpp"

#include <coppice/detail/runtime/waiter.hpp>

#include <boost/asio/post.hpp>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>

// This file finds schedulers, and takes them down with their io_contexts. A scheduler is found by
// its io_context, by its serial number from any thread, or as the one that is at work on this
// thread.

namespace coppice::detail {

constinit thread_local scheduler* active_scheduler = nullptr;

namespace {

// The io_context that was looked up last on this thread. The entry is stale once any scheduler is
// gone: another io_context may have the address of one that was destroyed.
struct found_scheduler {
  const boost::asio::io_context* of = nullptr;
  scheduler* found = nullptr;
  std::uint64_t serial = 0;  // 0 if it is not to be found by that
  std::uint64_t gone = 0;
};
constinit thread_local found_scheduler latest;
constinit std::atomic<std::uint64_t> schedulers_gone{0};

// Tells whether work of the scheduler with that number runs on this thread right now.
bool is_at_work(std::uint64_t serial) noexcept {
  return active_scheduler != nullptr && active_scheduler->serial() == serial;
}

// The living schedulers by their serial numbers. The mutex also keeps a scheduler from going while
// another thread posts to it. It is recursive for the sake of what is posted in vain, for want of
// memory: its destructor is the user's, and may come here.
struct registry {
  [[nodiscard]] scheduler* find(std::uint64_t serial) const noexcept {
    const auto found = alive.find(serial);
    return found != alive.end() ? found->second : nullptr;
  }

  std::recursive_mutex guard;
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
  schedulers_gone.fetch_add(1, std::memory_order_release);
}

// Calls `f` with the scheduler of that number, which cannot go meanwhile, and gives what that
// gives; or false if its io_context is gone.
template <class F>
bool with_living(std::uint64_t serial, F f) {
  registry& all = all_schedulers();
  const std::lock_guard lock{all.guard};
  scheduler* const s = all.find(serial);
  return s != nullptr && f(*s);
}

}  // namespace

boost::asio::execution_context::id scheduler::id;

scheduler::scheduler(boost::asio::execution_context& context)
    : boost::asio::execution_context::service{context},
      io_{static_cast<boost::asio::io_context&>(context)},
      thread_{io_},
      alarm_{io_},
      abandon_timer_{nullptr} {
  reports_.set(default_sink(*this));
  serial_ = enter_into_registry(*this);  // the last that may fail
}

scheduler::~scheduler() {
  strike_off_registry(serial_);  // if the constructor of a later service has thrown
  // Cancellation slots of the user's may live longer than this, and have cancellers in them that
  // refer to a process.
  slots_.for_each([](process& p) {
    if (p.canceller != nullptr) p.canceller->forget_process();
  });
  schedulers_gone.fetch_add(1, std::memory_order_release);
}

scheduler& scheduler::of(boost::asio::io_context& io) {
  // use_service locks a mutex and searches the list of services, at nearly a tenth of the cost of a
  // spawn.
  if (latest.of == &io && latest.gone == schedulers_gone.load(std::memory_order_acquire)) {
    return *latest.found;
  }
  return find(io);
}

scheduler& scheduler::find(boost::asio::io_context& io) {
  const std::uint64_t gone = schedulers_gone.load(std::memory_order_acquire);
  scheduler& found = boost::asio::use_service<scheduler>(io);
  latest = {&io, &found, found.down_ ? 0 : found.serial_, gone};
  return found;
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
  const std::uint64_t gone = schedulers_gone.load(std::memory_order_acquire);
  if (latest.serial == serial && latest.gone == gone) return latest.found;
  registry& all = all_schedulers();
  const std::lock_guard lock{all.guard};
  scheduler* const found = all.find(serial);
  if (found != nullptr) latest = {&found->io_, found, serial, gone};
  return found;
}

bool scheduler::runs_here(std::uint64_t serial) noexcept {
  return is_at_work(serial) ||
         with_living(serial, [](scheduler& s) { return s.on_loop_thread(); });
}

// Outside of the loop nobody can know that no other thread begins to run it. With a virtual clock
// there is none.
bool scheduler::is_callers(std::uint64_t serial) noexcept {
  return is_at_work(serial) || with_living(serial, [](scheduler& s) {
           return s.on_loop_thread() || (s.is_moved_by_hand() && s.is_open_to_caller());
         });
}

bool scheduler::post(std::uint64_t serial, move_only_function f) {
  return with_living(serial, [&f](scheduler& s) {
    s.post(std::move(f));
    return true;
  });
}

bool scheduler::post_work(std::uint64_t serial, std::shared_ptr<posted_work> w) noexcept {
  return with_living(serial, [&w](scheduler& s) {
    reserved_room& room = w->room;
    post_from(room, s.io_, [w = std::move(w)] { w->run(); });
    return true;
  });
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

// The io_context is being destroyed. Asio shuts its services down one after another, and each
// destroys the frames that wait for it; this one destroys the frames that wait for coppice.
// Destructors that run here may wake waits and queue work, so this is repeated until nothing is
// left.
void scheduler::shutdown() noexcept {
  strike_off_registry(serial_);
  const at_work here{*this};
  down_ = true;
  set_order(nullptr);
  for (bool more = true; more;) {
    more = false;
    while (!queue_.empty()) {
      run_item& item = queue_.pop();
      item.act(&item, run_item::how::drop);
      more = true;
    }
    // A cancellation handler may own the frames that wait for its operation, and the frames must go
    // before the callable that they refer to, which belongs to the slot.
    slots_.for_each([](process& p) { p.signal.slot().clear(); });
    slots_.for_each([&more](process& p) { more |= waiter::wake_all(p.waits); });
    more |= waiter::wake_all(foreign_waits_);
  }
  // These runners are parked: no body's frames are in them.
  slots_.for_each([](process& p) {
    if (p.runner != nullptr && !p.life.has_frames()) p.discard_parked();
  });
  while (!members_.empty()) static_cast<loop_member&>(*members_.front()).leave_loop();
  while (!timers_.empty()) timers_.pop();
  while (!unheard_.empty()) unheard_.front()->unlink();
  work_.reset();
  reports_.close();
}

}  // namespace coppice::detail
