// a task is awaited by a process: in a coppice::task or an asio::awaitable
#include <coppice.hpp>

#include <coroutine>

struct other_coroutine {
  struct promise_type {
    other_coroutine get_return_object();
    std::suspend_never initial_suspend();
    std::suspend_never final_suspend() noexcept;
    void return_void();
    void unhandled_exception();
  };
};

coppice::task<> work();

other_coroutine start() { co_await work(); }
