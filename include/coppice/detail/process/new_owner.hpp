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

// The executor of the living process, if it runs on `context`; of the calling one.
COPPICE_API executor new_owner(const pid& process, const asio::execution_context& context);
COPPICE_API executor new_owner(const asio::execution_context& context);

// Who gets an object that is on its way. Null between two such moves.
inline thread_local constinit const executor* heir = nullptr;

// In place of the executor of an object that is on its way from one process to another. Asio's
// objects move between types of executors as these convert: here one executor goes in and another
// comes out. No executor itself, lest an `any_io_executor` takes it for what it is to hold.
template <class Executor>
class passage {
 public:
  passage(const Executor&) noexcept {}
  operator Executor() const { return Executor{*heir}; }
};

template <class Object>
using executor_of = typename Object::executor_type;

template <class Object>
using on_the_way = typename Object::template rebind_executor<passage<executor_of<Object>>>::other;

// What has another object inside that does the work, and whose executor is its own.
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
    std::constructible_from<on_the_way<Object>, Object> &&
    std::constructible_from<Object, on_the_way<Object>> && std::is_move_assignable_v<Object>;

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
    explicit scope(const executor& e) noexcept { heir = &e; }
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() { heir = nullptr; }
  };
  const scope given{to};
  on_the_way<Object> moving{std::move(object)};
  object = Object{std::move(moving)};
}

}  // namespace coppice::detail
