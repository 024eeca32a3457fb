#include <coppice/task.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/coroutine/runner.hpp>
#include <coppice/detail/coroutine/task_body.hpp>

#include <new>

namespace coppice::detail {

namespace {

// Tasks end, and are destroyed, without recursion: a chain of awaited tasks may be a million levels
// deep, and destroying the outermost frame would destroy the others within each other's
// destructors.

// A function object that lets a chain of tasks go on with an error, or else destroys it when it is
// itself destroyed, run or not. An executor destroys function objects of a process that is gone
// without running them.
class lost_chain {
 public:
  explicit lost_chain(task_promise_base& p) noexcept : part_{&p} {}
  lost_chain(lost_chain&& other) noexcept : part_{std::exchange(other.part_, nullptr)} {}
  lost_chain& operator=(lost_chain&&) = delete;
  ~lost_chain() {
    if (part_ != nullptr) part_->drop();
  }
  void operator()() {
    if (part_->error) std::exchange(part_, nullptr)->resume();
  }

 private:
  task_promise_base* part_;
};

}  // namespace

task_root::~task_root() {
  if (relay_ != nullptr) relay_->forget();
}

void task_root::listen(waiter& w) {
  put_relay();
  waiting_ = &w;
}

void task_root::listen(yield_awaiter& t) {
  put_relay();
  turn_ = &t;
}

// The relay stays in the slot from wait to wait, since putting one in may allocate. Asio operations
// that the chain awaits in between replace it; its destructor tells the root then.
void task_root::put_relay() {
  if (relay_ == nullptr && slot_.is_connected()) slot_.emplace<relay>(*this);
}

void task_root::relay::operator()(asio::cancellation_type type) const noexcept {
  if (to_ == nullptr || type == asio::cancellation_type::none) return;
  if (to_->waiting_ != nullptr) to_->waiting_->abort();
  if (to_->turn_ != nullptr) to_->turn_->abort();
}

void yield_awaiter::act_on(run_item* item, how h) {
  auto& self = *static_cast<yield_awaiter*>(item);
  if (h == how::drop) return self.promise_.drop();
  // A yield is in no list of waits, where a stop request could find it. The bits of the process
  // stand for it: there is at most one yield of a body at a time.
  if (self.promise_.root == nullptr) {
    process& p = *self.owner;
    self.stopped_ = p.stop.end_yield();
  } else {
    self.promise_.root->has_yielded();
  }
  self.promise_.resume();
}

void task_promise_base::over() noexcept {
  if (root != nullptr) return root->over();
  process& p = *self;
  std::exception_ptr e = std::move(error);
  p.innermost = nullptr;
  std::coroutine_handle<>{frame}.destroy();  // and with it this promise
  ended(p, std::move(e));
  parked(p);
}

void task_promise_base::drop() noexcept {
  // From the innermost frame outwards: each awaiter gives up its frame, which is then destroyed,
  // and the awaiter itself lies in the frame that is next.
  process& p = *self;
  task_root* const r = root;
  task_promise_base* part = this;
  while (part->awaiter != nullptr) {
    awaited_task& a = *part->awaiter;
    a.release();
    task_promise_base* const parent = a.parent;
    part->frame.destroy();
    part = parent;
  }
  if (r != nullptr) return r->drop();
  p.innermost = nullptr;
  part->frame.destroy();  // the outermost one, which no other frame owns
  frames_gone(p);
}

// This is called where frames of the chain may still be on the stack, or on another thread (a
// handler may be destroyed anywhere). So that is queued as work of the process.
void task_promise_base::handler_is_lost() noexcept {
  const auto ex = access::make<executor>(*self, self->number.load(std::memory_order_relaxed));
  try {
    ex.require(asio::execution::blocking.never).execute(lost_chain{*this});
  } catch (const std::bad_alloc&) {
    // The function object has been destroyed, and the chain with it: at once, since there is no
    // memory to do so later.
  }
}

void begin_task(process& p, task<void> t) {
  // `runs_body` comes before the first step: a task may end within resume(), which clears it again.
  p.life.enter_body();
  p.waits_here = true;
  task_promise<void>& promise = access::promise(t);
  promise.self = &p;
  static_cast<void>(access::release(t));  // its end destroys it
  promise.resume();
}

body_ptr single_task_body::make(task<void> t) {
  // All processes share one body, as the frame travels along as the payload. It is never destroyed:
  // an io_context in a static may have processes that outlive other statics.
  static single_task_body& all = *new single_task_body;
  return body_ptr{&all, access::release(t).address()};
}

task<void> single_task_body::call(process& p) {
  return access::make<task<void>>(
      std::coroutine_handle<task_promise<void>>::from_address(p.what.take_payload()));
}

void single_task_body::released(void* payload) noexcept {
  if (payload == nullptr) return;
  // The process never ran: destroying the task destroys its frame, with its arguments.
  [[maybe_unused]] const auto unused = access::make<task<void>>(
      std::coroutine_handle<task_promise<void>>::from_address(payload));
}

}  // namespace coppice::detail
