#pragma once

#include <coppice/config.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <concepts>
#include <exception>
#include <utility>

// The arguments of a handler when there is no result.

namespace coppice::detail {

// Gives the error as an exception; or std::bad_alloc, if there is no memory for that.
inline std::exception_ptr exception_of(boost::system::error_code why) noexcept {
  try {
    return std::make_exception_ptr(boost::system::system_error{why});
  } catch (...) {
    return std::current_exception();
  }
}

template <class Signature>
struct failed_completion;

template <>
struct failed_completion<void()> {
  template <class Handler>
  static void tell(Handler&& h, boost::system::error_code) {
    std::forward<Handler>(h)();
  }
};

template <class... T>
struct failed_completion<void(boost::system::error_code, T...)> {
  static_assert((std::default_initializable<T> && ...),
                "what an operation completes with, the reply of a call for instance, is made "
                "without arguments when it fails: it has no other then");

  template <class Handler>
  static void tell(Handler&& h, boost::system::error_code why) {
    std::forward<Handler>(h)(why, T{}...);
  }
};

// Calls a handler of that signature with an error, and with values that say nothing.
template <class Signature, class Handler>
void complete_failed(Handler&& h, boost::system::error_code why) {
  failed_completion<Signature>::tell(std::forward<Handler>(h), why);
}

// The same of a wait that was cancelled.
template <class Signature, class Handler>
void complete_aborted(Handler&& h) {
  complete_failed<Signature>(std::forward<Handler>(h), asio::error::operation_aborted);
}

}  // namespace coppice::detail
