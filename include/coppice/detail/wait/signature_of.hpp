#pragma once

#include <coppice/config.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/system/error_code.hpp>

namespace coppice::detail {

template <class T>
struct completion_of {
  using signature = void(boost::system::error_code, T);
};
template <>
struct completion_of<void> {
  using signature = void(boost::system::error_code);
};

template <class Op>
concept awaited_by_name = requires {
  typename Op::awaited_by_name;
};

// How an operation completes, if it is one.
template <class Op>
struct signature_of {
  using type = void;
};
template <awaited_by_name Op>
struct signature_of<Op> : signature_of<typename Op::awaited_by_name> {};
template <class Op>
requires(!awaited_by_name<Op>) && asio::is_async_operation<Op>::value struct signature_of<Op> {
  using type = asio::completion_signature_of_t<Op>;
};

}  // namespace coppice::detail
