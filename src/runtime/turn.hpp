#pragma once

#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/runtime/scheduler.hpp>

#include <boost/asio/post.hpp>

#include <utility>

namespace coppice::detail {

// Posts `f` to an io_context, from room that is kept for it. It cannot fail while that is free.
template <class F>
void post_from(reserved_room& room, boost::asio::io_context& io, F f) {
  boost::asio::post(io.get_executor(), handler_in_room<F>{room, std::move(f)});
}

// The scheduler whose work runs on this thread right now, or null.
extern constinit thread_local scheduler* active_scheduler;

// Marks a scheduler as the one at work on this thread. Turns may be nested: a process may run
// another io_context, or its own, from within itself.
class at_work {
 public:
  explicit at_work(scheduler& s) noexcept : before_{std::exchange(active_scheduler, &s)} {}
  at_work(const at_work&) = delete;
  at_work& operator=(const at_work&) = delete;
  ~at_work() { active_scheduler = before_; }

 private:
  scheduler* before_;
};

// A turn: one handler of the io_context in which coppice's work is done. While there is one, nobody
// has to post a drain, since its end sees to the queue.
class scheduler::turn {
 public:
  explicit turn(scheduler& s) noexcept : of_{s}, before_{std::exchange(s.in_turn_, true)} {
    s.turn_time_valid_ = false;
    s.rough_time_ = s.read_rough_time();
    s.queue_.begin_turn();
  }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;
  ~turn() {
    of_.in_turn_ = before_;
    of_.progress_.note(of_.current_);
    of_.turn_over();
  }

 private:
  scheduler& of_;
  bool before_;
};

// Holds the loop for the calling thread, from its outermost turn on. It is false if another thread
// is in a turn: two threads run the io_context then.
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

template <class First>
void scheduler::take_turn(First first) {
  if (try_turn(first)) return;
  // The work must not get lost: a thread that may not have a turn posts it for the other thread,
  // and only then gets the error.
  boost::asio::post(io_.get_executor(), [this, first] { take_turn(first); });
  refuse_second_thread();
}

// Returns false if another thread is in a turn; nothing has been done then.
template <class First>
bool scheduler::try_turn(First& first) {
  const occupied by_this_thread{*this};
  if (!by_this_thread) return false;
  const at_work here{*this};
  const turn this_turn{*this};
  const bool another_comes = drain_posted_;
  first();
  // A drain that is already posted has the queue left to it: completions must not buy the queue
  // extra turns.
  if (!another_comes) drain();
  return true;
}

}  // namespace coppice::detail
