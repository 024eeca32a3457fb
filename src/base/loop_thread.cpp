#include <coppice/detail/base/loop_thread.hpp>

#include <pthread.h>

#include <csignal>
#include <cstddef>
#include <mutex>
#include <new>

namespace coppice::detail {

namespace {

// One mutex guards the `thread_life` of all threads, and the `last_life_` of all io_contexts. That
// is enough: the former is written when a thread ends, the latter when a new thread takes over a
// loop, and both are read only by threads that do not run it.
std::mutex& guard() noexcept {
  // Never destroyed, as threads may outlive the statics; and it needs no memory of the heap.
  alignas(std::mutex) static std::byte room[sizeof(std::mutex)];
  static std::mutex& m = *::new (static_cast<void*>(room)) std::mutex;
  return m;
}

}  // namespace

// What is known of a thread that has had a turn. It is shared, since it is read after that thread
// has ended.
struct loop_thread::thread_life {
  const pthread_t handle = pthread_self();  // of use until it ends
  bool ended = false;
};

// Each such thread has one of these as a thread_local. Its destructor is the only notice that a
// thread gives of its end. It waits for whoever sends the thread a signal.
class loop_thread::life_notice {
 public:
  life_notice() = default;
  life_notice(const life_notice&) = delete;
  life_notice& operator=(const life_notice&) = delete;
  ~life_notice() {
    const std::lock_guard lock{guard()};
    mine_->ended = true;
  }

  [[nodiscard]] const std::shared_ptr<thread_life>& mine() const noexcept { return mine_; }

 private:
  std::shared_ptr<thread_life> mine_ = std::make_shared<thread_life>();
};

// Without memory for that, the thread is not known to run the loop, and the next turn tries again.
void loop_thread::remember(std::thread::id me) noexcept {
  try {
    static thread_local const life_notice notice;
    const std::lock_guard lock{guard()};
    last_life_ = notice.mine();
    last_.store(me, std::memory_order_relaxed);
  } catch (const std::bad_alloc&) {
    const std::lock_guard lock{guard()};
    last_life_.reset();
    last_.store(std::thread::id{}, std::memory_order_relaxed);
  }
}

bool loop_thread::nobody_runs() const noexcept {
  if (last_.load(std::memory_order_relaxed) == std::thread::id{} || io_.stopped()) return true;
  // The mutex makes the caller, which takes the loop over, see all that the ended thread did.
  const std::lock_guard lock{guard()};
  return last_life_ == nullptr || last_life_->ended;
}

bool loop_thread::send_signal(int number) const noexcept {
  const std::lock_guard lock{guard()};
  return last_life_ != nullptr && !last_life_->ended &&
         ::pthread_kill(last_life_->handle, number) == 0;
}

}  // namespace coppice::detail
