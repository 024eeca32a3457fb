#include <coppice/detail/base/loop_thread.hpp>

#include <mutex>

namespace coppice::detail {

namespace {

// Each thread that has had a turn has one of these as a thread_local. Its destructor is the only
// notice that a thread gives of its end. The flag is shared, since it is read after that.
class thread_life {
 public:
  thread_life() = default;
  thread_life(const thread_life&) = delete;
  thread_life& operator=(const thread_life&) = delete;
  ~thread_life() { ended_->store(true, std::memory_order_release); }

  [[nodiscard]] const std::shared_ptr<std::atomic<bool>>& ended() const noexcept { return ended_; }

 private:
  std::shared_ptr<std::atomic<bool>> ended_ = std::make_shared<std::atomic<bool>>(false);
};

// One mutex guards the `last_has_ended_` of all io_contexts. That is enough: the pointer is written
// when a new thread takes over a loop, and read only by threads that do not run it.
std::mutex& guard() {
  static std::mutex& m = *new std::mutex;  // never destroyed: threads may outlive the statics
  return m;
}

}  // namespace

void loop_thread::remember(std::thread::id me) noexcept {
  static thread_local const thread_life mine;
  const std::lock_guard lock{guard()};
  last_has_ended_ = mine.ended();
  last_.store(me, std::memory_order_relaxed);
}

bool loop_thread::nobody_runs() const noexcept {
  if (last_.load(std::memory_order_relaxed) == std::thread::id{} || io_.stopped()) return true;
  // The acquire pairs with the release in ~thread_life: the caller, which takes the loop over, sees
  // all that the ended thread did.
  const std::lock_guard lock{guard()};
  return last_has_ended_->load(std::memory_order_acquire);
}

}  // namespace coppice::detail
