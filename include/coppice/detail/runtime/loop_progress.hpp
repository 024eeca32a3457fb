#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace coppice::detail {

class process;

// Shows other threads that a loop gets on. The loop's thread leaves a note when a piece of work
// begins and when a turn ends, which says whose work it does from there on. That costs it a store.
// The thread that looks takes the note away, so that one which is there at the next look is new.
class loop_progress {
 public:
  struct sight {
    std::uint64_t moves = 0;    // differs from the one of an earlier look if a note was left since
    process* latest = nullptr;  // what the latest note says; null: the work of no process
  };

  // Only the loop's thread.
  void note(process* p) noexcept { note_.store(p, std::memory_order_release); }

  // Any thread; several may look.
  [[nodiscard]] sight look() noexcept {
    const std::lock_guard lock{looking_};
    void* const note = note_.exchange(nothing(), std::memory_order_acquire);
    if (note != nothing()) {
      ++seen_.moves;
      seen_.latest = static_cast<process*>(note);
    }
    return seen_;
  }

 private:
  // An address that no process has.
  [[nodiscard]] void* nothing() noexcept { return this; }

  std::mutex looking_;
  sight seen_;
  // It is released and acquired, so that whoever looks may read the number of the process.
  std::atomic<void*> note_{nullptr};
};

}  // namespace coppice::detail
