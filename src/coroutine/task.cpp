#include <coppice/task.hpp>

#include <coppice/detail/coroutine/runner.hpp>
#include <coppice/detail/coroutine/task_body.hpp>

namespace coppice::detail {

namespace {

// Takes a chain of frames along when it is destroyed, run or not.
class dropped_chain {
 public:
  explicit dropped_chain(task_promise_base& p) noexcept : part_{&p} {}
  dropped_chain(dropped_chain&& other) noexcept : part_{std::exchange(other.part_, nullptr)} {}
  dropped_chain& operator=(dropped_chain&&) = delete;
  ~dropped_chain() {
    if (part_ != nullptr) part_->drop();
  }
  void operator()() const noexcept {}

 private:
  task_promise_base* part_;
};

void destroy_frames(process& p) noexcept {
  std::coroutine_handle<>::from_address(std::exchange(p.outermost, nullptr)).destroy();
}

}  // namespace

task_root::~task_root() {
  if (relay_ != nullptr) relay_->forget();
}

void task_root::listen(waiter& w) {
  waiting_ = &w;
  put_relay();
}

void task_root::listen(turn_awaiter& t) {
  turn_ = &t;
  put_relay();
}

void task_root::put_relay() {
  if (relay_ == nullptr && slot_.is_connected()) slot_.emplace<relay>(*this);
}

void task_root::relay::operator()(asio::cancellation_type type) const noexcept {
  if (to_ == nullptr || type == asio::cancellation_type::none) return;
  if (to_->waiting_ != nullptr) to_->waiting_->abort();
  if (to_->turn_ != nullptr) to_->turn_->abort();
}

void turn_awaiter::act_on(run_item* item, how h) {
  auto& self = *static_cast<turn_awaiter*>(item);
  if (h == how::drop) return self.promise_.drop();
  if (self.promise_.root == nullptr) {
    process& p = *self.owner;
    self.stopped_ = p.stop.end_yield();
  } else {
    self.promise_.root->had_turn();
  }
  self.promise_.resume();
}

void task_promise_base::over() noexcept {
  if (root != nullptr) return root->over();
  process& p = *self;
  std::exception_ptr e = std::move(error);
  destroy_frames(p);  // and with them this
  if (e) {
    threw(p, std::move(e));
  } else {
    returned(p);
  }
  parked(p);
}

void task_promise_base::drop() noexcept {
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
  destroy_frames(p);
  frames_gone(p);
}

void task_promise_base::drop_at_rest() noexcept {
  const executor ex{*self, self->number.load(std::memory_order_relaxed)};
  ex.require(asio::execution::blocking.never).execute(dropped_chain{*this});
}

void begin_task(process& p, task<void> t) {
  p.life.enter_body();
  task_promise<void>& promise = t.promise();
  promise.self = &p;
  const std::coroutine_handle<> frame = t.release();
  p.outermost = frame.address();
  promise.resume();
}

body_ptr single_task_body::make(task<void> t) {
  static single_task_body& all = *new single_task_body;  // for ever: processes may outlive statics
  return body_ptr{&all, t.release().address()};
}

task<void> single_task_body::call(process& p) {
  return task<void>{
      std::coroutine_handle<task_promise<void>>::from_address(p.what.take_payload())};
}

void single_task_body::released(void* payload) noexcept {
  if (payload == nullptr) return;
  [[maybe_unused]] const task<void> unused{
      std::coroutine_handle<task_promise<void>>::from_address(payload)};
}

}  // namespace coppice::detail
