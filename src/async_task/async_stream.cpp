#include <coppice/async_stream.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/current_process.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <utility>

namespace coppice::detail {

namespace {

stream_core::item& item_of(list_hook* h) noexcept { return static_cast<stream_core::item&>(*h); }

}  // namespace

std::size_t default_concurrency() noexcept {
  // hardware_concurrency gives zero if it does not know.
  return std::max(1U, std::thread::hardware_concurrency());
}

// All options are checked where the stream is made, so that a bad one does not show up in the
// consumer.
stream_settings check_stream(stream_options o) {
  const auto refuse = [](const char* rule) {
    throw std::invalid_argument{std::string{"coppice: stream: "} + rule};
  };
  if (o.max_concurrency == 0) refuse("its max_concurrency must be above zero");
  if (o.limit.time() < duration::zero()) refuse("its time limit must not be negative");
  if (o.on_timeout > stream_timeout::kill_task) refuse("its on_timeout is neither of the two");
  if (o.shutdown.is_timed() && o.shutdown.time() < duration::zero()) {
    refuse("its shutdown time must not be negative");
  }
  return {.max_concurrency = o.max_concurrency,
          .ordered = o.ordered,
          .limit = o.limit,
          .kill_late = o.on_timeout == stream_timeout::kill_task,
          .label = std::move(o.label),
          .how = o.shutdown};
}

// An item is one task of the stream, from its start until its result is given to the consumer. The
// stream listens to the task itself; nobody else waits for it.

stream_core::item::~item() {
  if (timer.armed()) stream.home_->cancel_timer(timer);
  task->listener = nullptr;
}

void stream_core::item::deadline::expire(timer_node& node) {
  item& i = static_cast<deadline&>(node).late;
  i.stream.too_late(i);
}

// The consumer's side: `next` of the handle calls `advance`, and waits when that gives nothing. The
// stream pulls: it starts tasks only while the consumer asks for items, and at most max_concurrency
// of them run at a time. An infinite source is therefore no problem.

stream_core::~stream_core() = default;

void stream_core::enter() {
  process& me = current_process();
  if (busy_) throw std::logic_error{"coppice: the next item of this stream is being waited for"};
  if (!consumer_) {
    // The first process that asks for an item becomes the consumer, and stays it. The stream is a
    // monitor of it: when the consumer ends, the tasks end.
    consumer_ = me.id();
    home_ = &me.home;
    if (!closed_) me.more().subscriptions.push_back(*this);
  } else if (consumer_ != me.id()) {
    throw std::logic_error{"coppice: another process is the consumer of this stream"};
  }
}

stream_core::item* stream_core::advance(bool waited) {
  news_ = false;
  if (closed_) return nullptr;
  fail_if_due();
  // An item that the consumer has waited for comes before new tasks are started. It may be the last
  // one that the consumer wants, and the tasks would be started for nothing.
  item* next = waited ? next_done() : nullptr;
  if (next == nullptr) {
    fill();
    fail_if_due();
    next = next_done();
  }
  if (next != nullptr) {
    next->unlink();
    next->done.unlink();
  } else if (exhausted_ && items_.empty()) {
    close();
  }
  return next;
}

stream_core::item* stream_core::next_done() noexcept {
  // In order, an item that is over may have to wait for items before it. It does not count as
  // running then, so a slow task does not keep others from starting.
  if (!settings_.ordered) {
    return done_.empty() ? nullptr : &static_cast<item::hook&>(*done_.front()).owner;
  }
  if (items_.empty() || !item_of(items_.front()).over) return nullptr;
  return &item_of(items_.front());
}

void stream_core::fill() {
  try {
    while (!exhausted_ && !refused_ && running_ < settings_.max_concurrency) {
      if (pull()) continue;
      exhausted_ = true;
      drop_source();
    }
  } catch (...) {
    // The user's range has thrown. The consumer gets the exception; the tasks that run are killed.
    close();
    throw;
  }
}

// A stream fails in the consumer, where `next` is called, and not in the timer or the supervisor
// that has brought it about.
void stream_core::fail_if_due() {
  if (late_) {
    close();
    throw boost::system::system_error{make_error_code(errc::timeout),
                                      "coppice: an item of a stream"};
  }
  if (refused_) {
    const task_ptr refused = refused_;  // close() may drop the last other reference
    const auto ec = refused->error();
    close();
    throw boost::system::system_error{ec, "coppice: a task of a stream was not started"};
  }
}

void stream_core::close() noexcept {
  if (std::exchange(closed_, true)) return;
  list_hook::unlink();
  drop_items(nullptr);
  drop_source();
  notify();
}

// The consumer has ended, and nobody will call `next` any more. The tasks get its exit reason, as
// through a link; the signal of a normal end would be ignored, so that is replaced.
void stream_core::fire(const pid&, const exit_reason& reason) noexcept {
  if (std::exchange(closed_, true)) return;
  const exit_reason why = reason.is_normal() ? exit_reason::shutdown() : reason;
  drop_items(&why);
  drop_source();
}

// Ends the tasks that run, by an exit signal if a reason is given, otherwise by a kill. A task that
// its supervisor has not started yet is called off.
void stream_core::drop_items(const exit_reason* why) noexcept {
  while (!items_.empty()) {
    const std::unique_ptr<item> i{&item_of(items_.front())};
    i->unlink();
    const task_ptr task = i->task;
    task->listener = nullptr;
    if (!i->over && !task->cancel_start()) {
      if (why != nullptr) {
        task->ask(*why);
      } else {
        task->kill();
      }
    }
    task->forget(exit_reason::noproc());
  }
  running_ = 0;
}

void stream_core::wait::arm(waiter& w) noexcept {
  stream->waiting_ = &w;
  if (stream->news_) w.wake();
}

// The flag stays set until the consumer looks: news that arrive while it does not wait are not
// lost.
void stream_core::notify() noexcept {
  news_ = true;
  if (waiting_ != nullptr) waiting_->wake();
}

// The tasks' side: each of these is called when something happens to a task, from the end of its
// process or from a timer. They note it and wake the consumer, which does the rest.

task_origin stream_core::origin(task_ptr core) const {
  return {.core = std::move(core),
          .callers = callers_through(access::slot(consumer_)),
          .label = settings_.label};
}

void stream_core::start(task_ptr core, body_ptr what) {
  auto* const i = new item{*this, core};
  items_.push_back(*i);
  ++running_;
  if (!settings_.limit.is_infinity()) {
    home_->set_timer(i->timer, detail::after(home_->now(), settings_.limit.time()));
  }
  if (settings_.supervisor) {
    spawn_task_in(*settings_.supervisor, std::move(what), settings_.label, settings_.how,
                  std::move(core));
  } else {
    spawn_task(*home_, std::move(what));
  }
}

void stream_core::ended(item& i) noexcept {
  if (std::exchange(i.over, true)) return;
  --running_;
  done_.push_back(i.done);
  if (i.timer.armed()) home_->cancel_timer(i.timer);
  const task_core& t = *i.task;
  if (!i.late && !t.task) {
    i.task->heard();  // the stream throws the first refusal in its consumer
    if (!refused_) refused_ = i.task;
  } else if (settings_.linked && !i.late && !t.replied() && !t.reason.is_normal()) {
    // The stream stands in for a link. A consumer that traps exits gets the exit reason as the
    // result.
    if (process* const p = access::slot(consumer_); p != nullptr && !p->traps_exits()) {
      home_->signal(*p, t.task, t.reason, stop_request::level::exit_signal);
    }
  }
  notify();
}

void stream_core::too_late(item& i) noexcept {
  if (!settings_.kill_late) {
    late_ = true;
    notify();
    return;
  }
  // A late item is no failure of the stream here: the consumer gets its time-out as the result.
  i.late = true;
  if (i.task->cancel_start()) {
    ended(i);
  } else {
    i.task->kill();
  }
}

}  // namespace coppice::detail
