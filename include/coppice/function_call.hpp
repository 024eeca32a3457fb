#pragma once

#include <coppice/call_limit.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/in_place.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/operation.hpp>

#include <boost/asio/async_result.hpp>

#include <utility>

namespace coppice {

/// A call that is awaited by its name: `auto asking = ...; R r = co_await asking.result();`.
/// Nothing is sent before.
///
/// So is one with a function in it; and with g++ 12 one whose message was given as a temporary, if
/// it is an aggregate whose destruction is not trivial. That compiler destroys twice, when they are
/// written in the awaited expression, the captures of the lambda and the members of the message.
template <class Call>
class [[nodiscard]] function_call {
 public:
  // It refuses the token by which Asio asks for the signature.
  using awaited_by_name = Call;

  /// Made by the functions that return one.
  explicit function_call(Call call) : call_{std::move(call)} {}

  /// `R r = co_await request.result();` Once. Fails as `server_ref::call` does.
  [[nodiscard]] Call&& result() & { return std::move(call_); }
  auto result() && { refuse<Call>(); }

  /// As of `server_call`: for tokens of what is not awaited, a callback or `asio::use_future`.
  template <asio::completion_token_for<typename Call::signature> Token>
  auto operator()(Token&& token) && {
    using type = decltype(std::move(call_)(std::forward<Token>(token)));
    if constexpr (detail::not_awaited<type>) {
      return std::move(call_)(std::forward<Token>(token));
    } else {
      refuse<Token>();
    }
  }

  /// As of `server_call`.
  [[nodiscard]] function_call within(call_limit limit) && {
    return function_call{std::move(call_).within(limit)};
  }

  /// How the process ended, after `errc::died`.
  [[nodiscard]] exit_reason failure() const { return call_.failure(); }

 private:
  // Its body is looked at as soon as it is called, before anything else can be said of that.
  template <class T>
  static auto refuse() {
    static_assert(detail::never<T>,
                  "this call is awaited by its name, `auto asking = ...; co_await "
                  "asking.result();`, or lets its message be made inside, `co_await "
                  "ref.call<message>(members...)`: g++ 12 destroys a lambda, and a message with "
                  "members, twice if it is written in the awaited expression");
  }

  Call call_;
};

}  // namespace coppice
