#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coppice::detail {

// Keeps the arguments of a completion handler until the coroutine resumes and takes them. As in
// Asio, an error code or exception in first place is thrown, and the other arguments become void,
// one value or a tuple.
template <class Signature>
struct completion;

template <class... Args>
struct completion<void(Args...)> {
  std::optional<std::tuple<std::decay_t<Args>...>> values;

  template <class... Given>
  void emplace(Given&&... given) {
    values.emplace(std::forward<Given>(given)...);
  }
  auto take() {
    return std::apply([](auto&... all) { return pick(all...); }, *values);
  }

 private:
  static void pick() noexcept {}
  template <class First, class... Rest>
  static auto pick(First& first, Rest&... rest) {
    if constexpr (std::is_same_v<First, boost::system::error_code>) {
      if (first) throw boost::system::system_error{first};
      return values_of(rest...);
    } else if constexpr (std::is_same_v<First, std::exception_ptr>) {
      if (first) std::rethrow_exception(first);
      return values_of(rest...);
    } else {
      return values_of(first, rest...);
    }
  }
  static void values_of() noexcept {}
  template <class T>
  static T values_of(T& value) {
    return std::move(value);
  }
  template <class T, class U, class... More>
  static std::tuple<T, U, More...> values_of(T& first, U& second, More&... more) {
    return {std::move(first), std::move(second), std::move(more)...};
  }
};

// The most frequent signature has a form without the optional and the tuple: it makes frames
// smaller.
template <>
struct completion<void(boost::system::error_code)> {
  boost::system::error_code error;

  void emplace(boost::system::error_code e) noexcept { error = e; }
  void take() const {
    if (error) throw boost::system::system_error{error};
  }
};

// A completion handler that stores its arguments in a completion.
template <class Signature>
struct receiver {
  template <class... Args>
  void operator()(Args&&... args) const {
    result->emplace(std::forward<Args>(args)...);
  }
  completion<Signature>* result;
};

}  // namespace coppice::detail
