#pragma once

#include "budget.hpp"
#include "commands.hpp"
#include "reply.hpp"
#include "resp.hpp"
#include "store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace keyvalue {

/// One connection without its socket: bytes in, bytes out.
///
/// Whoever drives it repeats: read into `room()` and say `received()`; then, until `work()` has
/// nothing left to do, write what `output()` holds, and say `sent()`. In this way all requests that
/// arrive together are answered together, up to a limit. While the output waits for the client,
/// more may be read, which waits in turn: a client may send all of a long pipeline before it reads.
///
/// What it takes up at the most, in bytes:
/// - 64 million of what has been read and not executed, apart from
/// - one long argument that is arriving, up to 512 million;
/// - one reply: 32 million that are copied, and up to 512 million of long values, which cost
///   nothing as long as they are in the store.
///
/// All but the usual few kilobytes is paid for from the budget that it has in common with others.
/// If that is used up, the reply is an error, or the client is told so and hung up on.
class session {
 public:
  enum class state : unsigned char {
    idle,            ///< Every request that was there has been answered; read more.
    busy,            ///< There is more to do, once the output is written and others had their turn.
    finished,        ///< Write the output and close the connection.
    crash,           ///< Write the output and crash.
    crash_store,     ///< Write the output and crash the store; there may be more to do.
    crash_slow_log,  ///< Write the output and crash the slow log; there may be more to do.
    crash_any,       ///< Write the output and kill the process that is `drawn()`; likewise.
    ask_slow_log,    ///< Ask the slow log for `query()`, and say `answer()` or `no_answer()`.
  };

  /// @param id Of the client.
  /// @param of Outlives the session.
  /// @param slow What takes as long goes to the slow log; nothing does unless it is given.
  session(std::uint64_t id, budget& of, const request_limits& limits = {},
          std::optional<std::chrono::microseconds> slow = {});

  /// Where to put what is read next. Empty if there is no room for more: then, if the session is
  /// idle, `work()` finishes it.
  [[nodiscard]] std::span<char> room();
  /// So many bytes were put there.
  void received(std::size_t size) noexcept { end_ += size; }

  /// Executes requests, for a few milliseconds at the most.
  ///
  /// @param data Null if the store is down.
  state work(store* data);

  /// Whether all of what was received has been executed, down to the last byte.
  [[nodiscard]] bool is_between_requests() const noexcept {
    return begin_ == end_ && !parser_.has_begun();
  }

  /// The commands that took long since the last time.
  [[nodiscard]] bool has_slow_commands() const noexcept { return !client_.slow.empty(); }
  [[nodiscard]] std::vector<slow_command> slow_commands() { return client_.slow.take(); }
  [[nodiscard]] const slow_log_query& query() const noexcept { return client_.asks; }
  [[nodiscard]] std::uint64_t drawn() const noexcept { return client_.drawn; }
  void answer(const slow_log_answer& given);
  /// The slow log cannot answer.
  void no_answer();

  /// The next piece of what is to be written, which is empty if there is nothing. Valid until
  /// anything else is done.
  [[nodiscard]] std::span<const std::string_view> output() { return output_.slice(); }
  /// So many bytes of that were written.
  void sent(std::size_t size) { output_.sent(size); }

 private:
  [[nodiscard]] std::string_view input() const noexcept {
    return std::string_view{input_.get(), end_}.substr(begin_);
  }
  outcome execute(store* data);
  template <class Write>
  void reply(Write write);
  state refuse(std::string_view problem);
  bool make_room();
  void consume(std::size_t size);

  request_limits limits_;
  request_parser parser_;
  client client_;
  std::unique_ptr<char[]> input_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;  // of what has arrived and was not executed
  std::size_t end_ = 0;
  bool full_ = false;
  reply_buffer output_;
  budget::share input_share_;
  budget::share arriving_;  // for a long argument
};

}  // namespace keyvalue
