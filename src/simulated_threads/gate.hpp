#pragma once

#include <atomic>
#include <cstdint>

namespace coppice::detail {

// One thread waits at it until another one opens it, for real. It lets through once for each time
// that it is opened, and it is not opened twice before.
class gate {
 public:
  void open() noexcept;
  void pass() noexcept;

 private:
  std::atomic<std::uint32_t> open_{0};
};

}  // namespace coppice::detail
