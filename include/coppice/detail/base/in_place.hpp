#pragma once

#include <type_traits>

// g++ 12 has a bug: an aggregate with a non-trivial destructor that is written, with braces or
// parentheses, inside an awaited expression is destroyed twice. Objects that a constructor or a
// function has made are not. coppice refuses such code when it is compiled, instead of letting it
// crash. An argument of type T&& does not tell an aggregate that is written in place from a named
// one that is moved. So an operation with either kind of argument has to be given a name, and is
// awaited by that name: the aggregate then stands in an expression of its own.

namespace coppice::detail {

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
inline constexpr bool destroys_aggregates_twice = true;
#else
inline constexpr bool destroys_aggregates_twice = false;
#endif

// Tells whether an argument that is deduced as T may be an aggregate that is written in place.
template <class T>
inline constexpr bool written_in_place =
    destroys_aggregates_twice && !std::is_reference_v<T> && std::is_aggregate_v<T> &&
    !std::is_trivially_destructible_v<T>;

// Some completion tokens give void or a std::future, which nobody can await: the bug does not
// matter there.
template <class T>
concept not_awaited = std::is_void_v<T> || requires(T& x) {
  x.wait();
};

// False, but dependent on template parameters: static_assert(never<T>) fails only where the
// template is instantiated.
template <class...>
inline constexpr bool never = false;

}  // namespace coppice::detail
