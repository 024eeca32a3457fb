#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/overload/semaphore_core.hpp>

#include <memory>
#include <utility>

namespace coppice {

/// The right to be one of so many: what `semaphore::acquire` gives. Its destructor gives it back.
///
/// Lies in the frame of the process that has it, as a rule: so it comes back however that ends, by
/// a crash or a kill too.
///
/// @par Thread safety
/// Only on the loop's thread.
class permit {
 public:
  /// None.
  permit() noexcept = default;
  permit(permit&& other) noexcept = default;
  permit& operator=(permit&& other) noexcept {
    permit old{std::move(*this)};
    core_ = std::move(other.core_);
    return *this;
  }
  ~permit() { release(); }

  /// Whether it is one, and not given back yet.
  [[nodiscard]] explicit operator bool() const noexcept { return core_ != nullptr; }

  /// Gives it back now. Does nothing if there is none.
  void release() noexcept {
    if (const auto core = std::exchange(core_, nullptr)) core->give_back();
  }

 private:
  friend struct detail::access;

  explicit permit(std::shared_ptr<detail::semaphore_core> core) noexcept
      : core_{std::move(core)} {}

  std::shared_ptr<detail::semaphore_core> core_;
};

}  // namespace coppice
