#pragma once

#include "slow_log.hpp"

#include <coppice/this_server.hpp>

#include <utility>

namespace keyvalue {

inline constexpr const char* slow_log_name = "keyvalue.slow_log";

/// The server that has the slow log. Commands are cast to it, and nobody waits for that. Those that
/// it has not handled when it ends are kept with the rest, for the next one.
class slow_log_server {
 public:
  struct note {
    slow_command command;
  };
  struct ask {
    using reply = slow_log_answer;
    slow_log_query query;
  };

  void handle(note m) { log_.add(std::move(m.command)); }
  slow_log_answer handle(const ask& m) {
    // A client that has waited for too long was told that there is no answer. If it has asked for a
    // reset, nothing must have happened.
    if (!coppice::this_server::caller_waits()) return {};
    return log_.answer(m.query);
  }
  void undelivered(note m) { handle(std::move(m)); }

  [[nodiscard]] slow_log state() const { return log_; }
  void restore(slow_log log) { log_ = std::move(log); }

 private:
  slow_log log_;
};

}  // namespace keyvalue
