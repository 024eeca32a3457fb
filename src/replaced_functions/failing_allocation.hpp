#pragma once

#include <cstdint>

namespace coppice::detail {

// Lets one allocation of this thread fail.
struct failing_allocation {
  // The n-th from now on throws std::bad_alloc, where n is at least 1.
  static void arm(std::uint64_t n) noexcept;
  static void disarm() noexcept;

  // None fails while there is one of these.
  class suspended {
   public:
    suspended() noexcept;
    suspended(const suspended&) = delete;
    suspended& operator=(const suspended&) = delete;
    ~suspended();

   private:
    std::uint64_t before_;
  };
};

}  // namespace coppice::detail
