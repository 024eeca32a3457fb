#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>

#include <cstddef>
#include <cstdint>

namespace coppice::detail {

// The place of one who waits for a permit. It can be moved while nobody waits in it.
struct semaphore_place : list_hook {
  semaphore_place() noexcept = default;
  semaphore_place(semaphore_place&&) noexcept {}

  waiter* who = nullptr;
};

// The permits of a semaphore, and those who wait for one. Only the first of them is woken when one
// is free; when it has taken it, or waits no longer, it wakes the next one if there is another. So
// nobody is overtaken, and a permit is not lost with a process that is killed before it runs.
class COPPICE_API semaphore_core {
 public:
  explicit semaphore_core(std::size_t permits) noexcept : free_{permits} {}
  semaphore_core(const semaphore_core&) = delete;
  semaphore_core& operator=(const semaphore_core&) = delete;

  // Throws std::logic_error if it is in use on another io_context.
  void use_on(const scheduler& s);

  [[nodiscard]] std::size_t free() const noexcept { return free_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_count_; }

  // Takes a permit if one is free and nobody waits.
  [[nodiscard]] bool take() noexcept;
  // Takes one for the first who waits.
  [[nodiscard]] bool take(const semaphore_place& by) noexcept;
  void give_back() noexcept;

  void enter(semaphore_place& place, waiter& who) noexcept;
  void leave(semaphore_place& place) noexcept;
  // Those who wait give up.
  void close() noexcept;

 private:
  void wake_first() noexcept;

  std::uint64_t home_ = 0;  // the serial number of its scheduler; 0: nobody has waited so far
  std::size_t free_;
  std::size_t waiting_count_ = 0;
  list_hook waiting_;
};

}  // namespace coppice::detail
