#pragma once

#include "coroutine.hpp"
#include "world.hpp"

#include <coppice/exit_signal.hpp>
#include <coppice/link.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/process.hpp>
#include <coppice/process_info.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// What tasks do.
inline asio::awaitable<int> after(std::chrono::milliseconds time, int value) {
  co_await coppice::sleep_for(time);
  co_return value;
}
inline asio::awaitable<int> crash_after(std::chrono::milliseconds time) {
  co_await coppice::sleep_for(time);
  throw std::runtime_error{"crash"};
}

// A world in which processes start tasks and wait for them.
struct owner_world : world {
  using body = std::function<coroutine<>()>;
  using signals = std::vector<std::string>;

  coppice::pid start(body what) {
    const coppice::pid p = coppice::spawn(io, std::move(what));
    clock.settle();
    return p;
  }
  // One that gets exit signals as messages; those that are left in the end are told to `heard`.
  coppice::pid start_trapping(body what, std::function<void(const signals&)> heard) {
    return start([what = std::move(what), heard = std::move(heard)]() -> coroutine<> {
      coppice::mailbox<coppice::exit_signal> box;
      coppice::trap_exit(box);
      auto running = what();
      co_await std::move(running);
      signals all;
      while (const auto s = box.try_receive()) all.push_back(s->reason.to_string());
      heard(all);
    });
  }
};

inline std::size_t links_of(const coppice::pid& p) { return coppice::info(p)->links.size(); }
