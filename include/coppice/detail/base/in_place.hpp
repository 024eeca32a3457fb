#pragma once

#include <type_traits>

// g++ 12 destroys an aggregate twice that is written, with its braces or its parentheses, inside of
// an awaited expression, unless its destruction is trivial. It does not so with what a constructor
// or a function has made there. An aggregate cannot be told from a named one that is moved, so an
// operation that is given either can be awaited by its name only: the aggregate stands in an
// expression of its own then.

namespace coppice::detail {

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
inline constexpr bool destroys_aggregates_twice = true;
#else
inline constexpr bool destroys_aggregates_twice = false;
#endif

// Whether an argument deduced as T may be an aggregate that is written where it is given.
template <class T>
inline constexpr bool written_in_place =
    destroys_aggregates_twice && !std::is_reference_v<T> && std::is_aggregate_v<T> &&
    !std::is_trivially_destructible_v<T>;

// Whether what a token turns an operation into cannot be awaited: nothing, or a std::future.
template <class T>
concept not_awaited = std::is_void_v<T> || requires(T& x) {
  x.wait();
};

// For assertions in what is never to be used.
template <class...>
inline constexpr bool never = false;

}  // namespace coppice::detail
