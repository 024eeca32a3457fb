#pragma once

#include <coppice/detail/runtime/process.hpp>

#include <cstddef>
#include <vector>

namespace coppice::detail {

class scheduler;

// Free slots whose runners have the same type.
struct free_slots {
  const void* kind = nullptr;  // the type; null: the slots have no runners
  process* top = nullptr;      // the first; each one refers to the next
  std::size_t count = 0;
};

// The slots of processes. A slot never moves, and is not freed before the scheduler.
class process_slots {
 public:
  process_slots() = default;
  process_slots(const process_slots&) = delete;
  process_slots& operator=(const process_slots&) = delete;
  ~process_slots();

  process& add(scheduler& s);
  template <class F>
  void for_each(F f) {
    for (std::size_t i = 0; i < size_; ++i) f(at(i));
  }

 private:
  static constexpr std::size_t chunk = 64;

  process& at(std::size_t i) noexcept { return chunks_[i / chunk][i % chunk]; }

  std::vector<process*> chunks_;
  std::size_t size_ = 0;
};

}  // namespace coppice::detail
