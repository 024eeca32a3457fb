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

namespace coppice::detail {

constinit thread_local scheduler* active_scheduler = nullptr;

namespace {

// The io_context that was looked up last on this thread. It is of no use once any scheduler is gone:
// another io_context may have the address of one that was destroyed.
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
  slots_.for_each([](process& p) {
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

// Asio's services are shut down one after another; those before this one have destroyed the frames
// that waited for them, those after it will. Here go the frames that wait for coppice.
void scheduler::shutdown() noexcept {
  strike_off_registry(serial_);
  const at_work here{*this};
  down_ = true;
  for (bool more = true; more;) {
    more = false;
    for (run_queue* q : {&queue_, &low_priority_}) {
      while (!q->empty()) {
        run_item& item = q->pop();
        item.act(&item, run_item::how::drop);
        more = true;
      }
    }
    // What would cancel an operation may hold the frames that wait for it, and they must go before
    // the callable that they belong to.
    slots_.for_each([](process& p) { p.signal.slot().clear(); });
    slots_.for_each([&more](process& p) { more |= waiter::wake_all(p.waits); });
    more |= waiter::wake_all(foreign_waits_);
  }
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
