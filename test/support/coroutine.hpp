#pragma once

#include <coppice/executor.hpp>
#include <coppice/task.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/use_awaitable.hpp>

// The kind of coroutine that processes are: awaitables or, with COPPICE_TEST_TASKS, tasks. Tests
// that say `coroutine` are built once of each kind.
#ifdef COPPICE_TEST_TASKS

template <class T = void>
using coroutine = coppice::task<T>;

// On coppice's own executor, which costs awaitables less, and which tasks have anyway.
template <class T = void>
using lean_coroutine = coppice::task<T>;

// Has an operation of Asio awaited.
inline constexpr auto use_coroutine = boost::asio::deferred;

#else

template <class T = void>
using coroutine = boost::asio::awaitable<T>;

template <class T = void>
using lean_coroutine = boost::asio::awaitable<T, coppice::executor>;

inline constexpr auto use_coroutine = boost::asio::use_awaitable;

#endif

// What co_spawn and the operators take, which is an awaitable beside tasks too.
using beside = boost::asio::awaitable<void>;
