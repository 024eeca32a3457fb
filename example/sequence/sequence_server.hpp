#pragma once

#include "term.hpp"

#include <string>

namespace sequence {

/// Hands out numbers, each one more than the last.
///
/// A new incarnation begins with the first number again: what the old one had counted is lost.
class sequence_server {
 public:
  /// The next number. A call.
  struct next_number {
    using reply = long long;
  };
  /// Adds to the number. A cast.
  struct increment_number {
    term delta;  ///< Anything that can be typed; what is no number crashes the server.
  };

  explicit sequence_server(long long first) : current_{first} {}

  long long handle(next_number);
  void handle(const increment_number& message);

  // What the reports of a crash show.
  friend std::string describe(const sequence_server& server) {
    return std::to_string(server.current_);
  }
  friend std::string describe(const next_number&) { return "next_number()"; }
  friend std::string describe(const increment_number& message) {
    return "increment_number(" + to_text(message.delta) + ")";
  }

 protected:
  long long current_;
};

/// The same, whose number outlives it. These two functions are all that a stash needs.
class stashed_sequence_server : public sequence_server {
 public:
  using sequence_server::sequence_server;

  [[nodiscard]] long long state() const { return current_; }
  void restore(long long number) { current_ = number; }
};

}  // namespace sequence
