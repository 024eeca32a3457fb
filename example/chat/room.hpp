#pragma once

#include "history.hpp"

#include <coppice/down.hpp>
#include <coppice/pid.hpp>
#include <coppice/server.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace chat {

struct room_options {
  std::size_t history = 50;         ///< So many lines are kept.
  std::chrono::seconds idle{60};    ///< An empty room ends after so long.
};

/// A room: who is in it, and what was said last. Its state goes from one incarnation to the next.
class room {
 public:
  struct welcome {
    std::string nick{};
    std::vector<std::string> people{};
    std::vector<line> missed{};
  };
  /// Who is in it already is told what they have missed, and nobody else hears of it.
  struct join {
    using reply = welcome;
    coppice::pid who;
    std::string nick;    // another one, if it is taken
    std::uint64_t seen;  // the number of the last line that they have
  };
  /// May be sent again if there was no answer: each number of a user is said once.
  struct say {
    using reply = bool;  // false: they are not in the room
    coppice::pid who;
    std::uint64_t number;  // counted by the user
    std::string text;
  };
  enum class renamed { done, taken, stranger };
  struct rename {
    using reply = renamed;
    coppice::pid who;
    std::string nick;
  };
  struct list {
    using reply = std::vector<std::string>;
  };
  struct crash {};

  explicit room(const room_options& given);

  void init() { rest(); }
  welcome handle(join m);
  bool handle(const say& m);
  renamed handle(const rename& m);
  [[nodiscard]] std::vector<std::string> handle(list) const { return people(); }
  void handle(crash);
  void handle(const coppice::down& m);
  void handle(coppice::idle_timeout);

  struct member {
    coppice::pid who;
    std::string nick;
    std::uint64_t said = 0;  // the highest number that was accepted

    friend bool operator==(const member&, const member&) noexcept = default;
  };
  struct kept {
    history said;
    std::vector<member> members;

    friend bool operator==(const kept&, const kept&) noexcept = default;
  };
  [[nodiscard]] kept state() const { return now_; }
  void restore(kept before);

 private:
  member* find(const coppice::pid& who);
  [[nodiscard]] bool has(std::string_view nick) const;
  [[nodiscard]] std::vector<std::string> people() const;
  void tell_all(const line& what) const;
  void rest() const;

  std::chrono::seconds idle_;
  kept now_;
};

}  // namespace chat
