#pragma once

#include "acceptor_core.hpp"

#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/pid.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>

namespace coppice::detail {

// Reports the pauses of a listener that have one cause. Under pressure a listener pauses, accepts
// one connection, and pauses again: that is told once when it begins, and once when it is over,
// which it is when the listener has not paused for a second.
class pressure {
 public:
  pressure(acceptor_core& of, pid listener) noexcept;
  pressure(const pressure&) = delete;
  pressure& operator=(const pressure&) = delete;
  ~pressure();

  // A pause begins. No error: there are as many connections as there may be.
  void pause(boost::system::error_code why);
  // The pause is over.
  void go_on();

 private:
  struct alarm : timer_node {
    explicit alarm(pressure& p) noexcept : timer_node{&alarm::expire}, of{p} {}
    static void expire(timer_node& node);

    pressure& of;
  };

  void tell_end();

  acceptor_core& of_;
  const pid listener_;
  alarm calm_{*this};
  bool paused_ = false;
  std::size_t pauses_ = 0;  // since the first one; 0: there is no pressure
  boost::system::error_code why_;
  time_point since_{};
  time_point until_{};  // the end of the latest pause
};

}  // namespace coppice::detail
