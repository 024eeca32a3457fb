#pragma once

#include <utility>

namespace coppice::detail {

/// The one door through which coppice reaches what its public classes keep from their users: they
/// befriend it, and nothing else of coppice's names their private members. Each function does no
/// more than to call the private member of the same name.
struct access {
  /// By a private constructor.
  template <class T, class... Args>
  [[nodiscard]] static T make(Args&&... args) {
    return T{std::forward<Args>(args)...};
  }

  /// The core of an `async_task`, of which the caller is the owner.
  template <class Task>
  [[nodiscard]] static const auto& checked(const Task& task) {
    return task.checked();
  }
};

}  // namespace coppice::detail
