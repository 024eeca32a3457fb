#pragma once

#include "term.hpp"

#include <boost/asio/awaitable.hpp>

namespace sequence {

/// The number server as its clients see it, with a stash or without.
class sequence_ref {
 public:
  explicit sequence_ref(bool stashed) noexcept : stashed_{stashed} {}

  /// Fails as `server_ref::call` does.
  [[nodiscard]] boost::asio::awaitable<long long> next_number() const;

  void increment_number(const term& delta) const;

  /// Waits until the server has handled whatever was sent to it before.
  ///
  /// @return False if it did not live to do so.
  [[nodiscard]] boost::asio::awaitable<bool> has_caught_up() const;

 private:
  bool stashed_;
};

}  // namespace sequence
