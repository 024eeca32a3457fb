#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>

namespace coppice::detail {

// Decides what follows when a connection could not be accepted. This is plain code: it takes errors
// and answers with what the listener is to do.
class COPPICE_API accept_rules {
 public:
  enum class verdict : unsigned char {
    again,  // one client has gone: accept the next one
    pause,  // descriptors or memory have run out, which may be over in a while
    fail,   // the listening socket is of no use any more
  };

  static constexpr duration shortest_pause = std::chrono::milliseconds{10};
  static constexpr duration longest_pause = std::chrono::seconds{1};
  // So many clients in a row that have gone are no coincidence: the listener pauses then, or it
  // might do nothing else.
  static constexpr int most_in_a_row = 100;

  // Errors mean what accept(2) of Linux says of them.
  [[nodiscard]] verdict failed(boost::system::error_code ec) noexcept;
  void accepted() noexcept {
    in_a_row_ = 0;
    pause_ = shortest_pause;
  }
  // The length of the pause that is due now. The next one is twice as long, up to the longest.
  [[nodiscard]] duration next_pause() noexcept;

 private:
  int in_a_row_ = 0;
  duration pause_ = shortest_pause;
};

// Tells whether something has run out that others may give back.
[[nodiscard]] COPPICE_API bool is_shortage(boost::system::error_code ec) noexcept;

}  // namespace coppice::detail
