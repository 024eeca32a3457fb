#pragma once

#include <coppice/config.hpp>
#include <coppice/executor.hpp>
#include <coppice/pid.hpp>

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace coppice::detail {

// Hands an Asio object over to another process, in place and without a system call. Asio has no way
// to replace the executor of an object; but its objects can be moved into an object with another
// type of executor, if that type can be constructed from the old one. So the object is moved twice:
// into one whose executor type is `executor_exchange`, and back. On the way back, a
// executor_exchange converts to the new owner's executor.

// Gives the executor of the process, or of the calling one. Throws unless the process lives and
// runs on `context`.
COPPICE_API executor new_owner(const pid& process, const asio::execution_context& context);
COPPICE_API executor new_owner(const asio::execution_context& context);

// The executor of the new owner while an object is being moved, else null. A conversion operator
// takes no argument, so it is passed here.
inline thread_local constinit const executor* new_owner_executor = nullptr;

// Stands for the executor of an object during the move: the old executor goes in, the new one comes
// out. It does not satisfy the requirements of an executor itself, so that an `any_io_executor` is
// initialised by the conversion and does not hold a executor_exchange.
template <class Executor>
class executor_exchange {
 public:
  executor_exchange(const Executor&) noexcept {}
  operator Executor() const { return Executor{*new_owner_executor}; }
};

template <class Object>
using executor_of = typename Object::executor_type;

template <class Object>
using rebound_object =
    typename Object::template rebind_executor<executor_exchange<executor_of<Object>>>::other;

// Streams in layers (ssl::stream, Beast's websocket::stream) have an object inside that does the
// work, and use its executor. Only that lowest object has to be moved.
template <class Object>
concept layer = requires(Object& o) {
  o.next_layer();
};
template <class Object>
concept socket_holder = requires(Object& o) {
  o.socket();
};

template <class Object>
concept io_object = std::constructible_from<executor_of<Object>, executor> &&
    std::constructible_from<rebound_object<Object>, Object> &&
    std::constructible_from<Object, rebound_object<Object>> && std::is_move_assignable_v<Object>;

template <class Object>
auto& lowest_io_object(Object& object) {
  if constexpr (layer<Object>) {
    return lowest_io_object(object.next_layer());
  } else if constexpr (socket_holder<Object>) {
    return lowest_io_object(object.socket());
  } else {
    return object;
  }
}

template <class Object>
using lowest = std::remove_reference_t<decltype(lowest_io_object(std::declval<Object&>()))>;

template <class Object>
const asio::execution_context& context_of(Object& object) {
  return asio::query(object.get_executor(), asio::execution::context);
}

template <io_object Object>
void give(Object& object, const executor& to) {
  struct scope {
    explicit scope(const executor& e) noexcept { new_owner_executor = &e; }
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() { new_owner_executor = nullptr; }
  };
  const scope given{to};
  rebound_object<Object> moving{std::move(object)};
  object = Object{std::move(moving)};
}

}  // namespace coppice::detail
