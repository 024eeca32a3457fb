#pragma once

#include <coppice/detail/asio/asio_compat.hpp>

#include <exception>

namespace coppice::detail {

// The completion signature of a task that is started as an operation of Asio's.
template <class T>
struct task_completion {
  using signature = void(std::exception_ptr, T);
};
template <>
struct task_completion<void> {
  using signature = void(std::exception_ptr);
};

}  // namespace coppice::detail
