#pragma once

#include <cstddef>

// The program's own operator new, which can be told to fail. It is replaced for all of the program
// by linking failing_memory.cpp.

namespace failing_memory {

// From now on the calling thread's allocations are counted, and those from number `first` on fail,
// `many` of them: they throw std::bad_alloc.
void arm(std::size_t first, std::size_t many) noexcept;
// None fails any more. Gives how many have failed.
std::size_t disarm() noexcept;

// While one of these lives, no allocation of the thread fails or is counted: for what is known to
// have no way out.
class suspended {
 public:
  suspended() noexcept;
  suspended(const suspended&) = delete;
  suspended& operator=(const suspended&) = delete;
  ~suspended();

 private:
  bool before_;
};

// Gives the number of allocations that have been counted since `arm`, and of those that have failed.
[[nodiscard]] std::size_t counted() noexcept;
[[nodiscard]] std::size_t failed() noexcept;
// Tells that no further one will fail.
[[nodiscard]] bool is_spent() noexcept;

// Gives the number of blocks that there are, of all threads.
[[nodiscard]] long blocks() noexcept;

// Writes the stack of the caller to stderr.
void print_stack() noexcept;
// Writes to stderr where the first of the allocations that have failed was made.
void print_failure() noexcept;

}  // namespace failing_memory
