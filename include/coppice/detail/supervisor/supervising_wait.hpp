#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/supervisor_end.hpp>

#include <boost/system/error_code.hpp>

#include <memory>
#include <utility>

namespace coppice::detail {

// A process that is a supervisor within its own body. Defined in supervisor.cpp.
struct supervising_state;

// The wait for the end of such a supervisor, which works while it waits.
struct COPPICE_API supervising_wait {
  using signature = void(boost::system::error_code, supervisor_end);
  static constexpr wait_kind kind = wait_kind::children;

  std::shared_ptr<supervising_state> of;

  [[nodiscard]] scheduler& home() const;
  void arm(waiter& w);
  [[nodiscard]] bool poll();
  void disarm() noexcept;
  template <class Handler>
  void complete(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{}, take());
  }

 private:
  [[nodiscard]] supervisor_end take();
};

}  // namespace coppice::detail
