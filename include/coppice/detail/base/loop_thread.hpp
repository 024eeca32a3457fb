#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <memory>
#include <thread>

namespace coppice::detail {

// An object that is used on the loop's thread and may outlive the io_context. It is in a list of
// the scheduler, which tells it when the io_context goes.
class loop_member : public list_hook {
 public:
  // The object belongs to no thread any more. Leaves the list.
  virtual void leave_loop() noexcept = 0;

 protected:
  ~loop_member() = default;
};

// Knows which thread runs an io_context, as far as that can be known. Asio tells a thread whether
// it is itself inside run(), but not whether another thread is. So a thread that has had a turn of
// the loop is taken to run the io_context until it ends, the io_context is stopped, or another
// thread has a turn.
//
// Processes need no locks because one thread runs them; this class is what makes a mistake there an
// error with a text instead of a data race. It costs one compare-exchange for each turn.
class COPPICE_API loop_thread {
 public:
  explicit loop_thread(boost::asio::io_context& io) noexcept : io_{io} {}
  loop_thread(const loop_thread&) = delete;
  loop_thread& operator=(const loop_thread&) = delete;

  // Begins a turn on the calling thread. Returns false if another thread is in the middle of one.
  [[nodiscard]] bool enter() noexcept {
    const std::thread::id me = std::this_thread::get_id();
    std::thread::id nobody{};
    if (!in_turn_.compare_exchange_strong(nobody, me, std::memory_order_acquire)) return false;
    if (last_.load(std::memory_order_relaxed) != me) remember(me);
    return true;
  }
  void leave() noexcept { in_turn_.store(std::thread::id{}, std::memory_order_release); }

  // Tells whether the calling thread may touch objects of the loop: it runs the loop, or no thread
  // does.
  [[nodiscard]] bool is_open_to_caller() const noexcept {
    return last_.load(std::memory_order_relaxed) == std::this_thread::get_id() || nobody_runs();
  }
  // is_held: the calling thread is in the middle of a turn. is_taken: another thread is.
  [[nodiscard]] bool is_held() const noexcept {
    return in_turn_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  [[nodiscard]] bool is_taken() const noexcept {
    const std::thread::id holder = in_turn_.load(std::memory_order_relaxed);
    return holder != std::thread::id{} && holder != std::this_thread::get_id();
  }

  // Any thread may ask these: whether a turn is on; which thread had the latest one, or has it.
  [[nodiscard]] bool is_in_turn() const noexcept {
    return in_turn_.load(std::memory_order_relaxed) != std::thread::id{};
  }
  [[nodiscard]] std::thread::id latest() const noexcept {
    return last_.load(std::memory_order_relaxed);
  }
  // Sends a signal to that thread. Returns false if there is none, or it has ended. Any thread.
  [[nodiscard]] bool send_signal(int number) const noexcept;

 private:
  struct thread_life;
  class life_notice;
  void remember(std::thread::id me) noexcept;
  [[nodiscard]] bool nobody_runs() const noexcept;

  boost::asio::io_context& io_;
  std::atomic<std::thread::id> in_turn_{};
  std::atomic<std::thread::id> last_{};  // the thread that had the latest turn
  std::shared_ptr<const thread_life> last_life_;
};

}  // namespace coppice::detail
